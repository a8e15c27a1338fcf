import assert from 'node:assert/strict';
import { least, leastBut, leastWith, leastWithEntry, parse, refusalOf } from './parse.js';
import type { Scenario } from '../../../simulator/scenario/scenario.js';

const example = `
name: field-rollout-with-outages
duration: 12 h
fleet:
  - {count: 600, profile: nucleo-l4r5, site: hall-1, link: lte-m, sensor: {kind: vibration, environment: field}}
  - {count: 400, profile: pi4, site: hall-2, link: ethernet, sensor: {kind: vibration, environment: field}}
labels: {share: 20 %, delay: 30 s..10 min, wrong: 1 %}
releases:
  v1: {model: "demo:vibration-v1", labels: labels.txt, pipeline: pipeline.json}
  v2: {model: mine.tflite, labels: labels.txt, pipeline: pipeline.json}
timeline:
  - {at: 0, publish: v1, ramp: 200/s}
  - {at: 10 min, rollout: v2, exposures: [10 %, 50 %, 100 %], as: r}
  - {at: 40 min, fault: {broker: restart, store: lost}}
  - {at: 1 h, fault: {partition: true, where: site = hall-1, for: 15 min}}
  - {at: 1 h..6 h, fault: {power-cut: 1/device/day, torn: true}}
swarm: {loss: 0..5 %, clock-skew: -1 h..1 h, slow: 1..20 x}
expect:
  - rollout(r).ends = promoted within 8 h
  - share(devices, release = v2) >= 95 %
  - windows.lost = 0
  - sometimes: events(code = block-missing) > 0
`;

const range = (low: number, high: number, drawn = 'evenly') => ({
  kind: 'range',
  low,
  high,
  drawn,
});
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const all = { kind: 'selector', conditions: [] };

describe('a scenario file', () => {
  it('is read whole: the example of the documentation', () => {
    const scenario = parse(example);
    assert.equal(scenario.name, 'field-rollout-with-outages');
    assert.equal(scenario.durationMs, 12 * hour);
    assert.deepEqual(
      scenario.groups.map(({ name, site, profile, link, devices }) => [
        ...[name, site, profile.name, link?.name, devices.first, devices.count],
      ]),
      [
        ['group-1', 'hall-1', 'nucleo-l4r5', 'lte-m', 1, 600],
        ['group-2', 'hall-2', 'pi4', 'ethernet', 601, 400],
      ],
    );
    assert.deepEqual(scenario.labels, {
      share: 0.2,
      of: 'windows',
      delayMs: range(30_000, 600_000),
      wrong: 0.01,
    });
    const [v1, v2] = scenario.releases;
    assert.deepEqual([v1?.name, v1?.models], ['v1', ['/demo/vibration-v1.tflite']]);
    assert.deepEqual([v2?.models, v2?.labels], [['/file/mine.tflite'], '/file/labels.txt']);
    assert.deepEqual(
      scenario.timeline.map(({ atMs, action }) => [atMs, action]),
      [
        [0, 'publish'],
        [10 * minute, 'rollout'],
        [40 * minute, 'fault'],
        [hour, 'fault'],
        [hour, 'fault'],
      ],
    );
    assert.deepEqual(scenario.timeline[4], {
      atMs: hour,
      action: 'fault',
      fault: {
        kind: 'power-cut',
        when: { kind: 'rate', per: 'device', perMs: 1 / day },
        torn: true,
        awayMs: 5_000,
      },
      where: all,
      share: 1,
      untilMs: 6 * hour,
    });
    assert.deepEqual(scenario.swarm, [
      { kind: 'loss', value: range(0, 0.05) },
      { kind: 'slow', value: range(1, 20, 'by logarithm') },
      { kind: 'clock-skew', value: range(-hour, hour) },
    ]);
    assert.deepEqual(
      scenario.expectations.map(({ text, sometimes }) => [text, sometimes]),
      [
        ['rollout(r).ends = promoted within 8 h', false],
        ['share(devices, release = v2) >= 95 %', false],
        ['windows.lost = 0', false],
        ['events(code = block-missing) > 0', true],
      ],
    );
  });

  it('has every default where little is said', () => {
    const { groups, releases, ...rest } = parse(least);
    assert.deepEqual(rest, {
      name: 'least',
      seed: 1,
      durationMs: 12 * hour,
      quietMs: 9 * hour,
      slot: 'vibration',
      startMs: Date.UTC(2026, 0, 1),
      periodMs: minute,
      reportMs: minute,
      telemetryMs: minute,
      only: undefined,
      labels: undefined,
      broker: {
        kind: 'mosquitto-2',
        queued: 1_000,
        inflight: 20,
        packetBytes: undefined,
        mqtt: '5',
      },
      timeline: [],
      swarm: [],
      expectations: [],
    });
    assert.deepEqual(groups, [
      {
        name: 'group-1',
        site: 'site-1',
        profile: { name: 'pi4', file: undefined },
        link: undefined,
        sensor: {
          kind: 'vibration',
          environment: 'field',
          mix: { normal: 0.25, imbalance: 0.25, 'bearing-fault': 0.25, looseness: 0.25 },
          changes: { kind: 'rate', per: 'device', perMs: 0 },
        },
        devices: { first: 1, count: 3 },
      },
    ]);
    assert.deepEqual(
      releases.map(({ name }) => name),
      ['v1', 'v2'],
    );
    assert.deepEqual(releases[0], {
      name: 'v1',
      models: ['/file/a.tflite'],
      labels: undefined,
      pipeline: undefined,
      reference: undefined,
      damage: undefined,
      behaves: undefined,
    });
  });

  type Look = (scenario: Scenario) => unknown;
  const group: Look = ({ groups }) => groups[0];
  const sensor: Look = ({ groups }) => groups[0]?.sensor;
  const link: Look = ({ groups }) => groups[0]?.link;
  const changed = (from: string, to: string) => leastBut(from, to);
  const sensorOf = (given: string) => changed('{kind: vibration}', given);
  const groupWith = (given: string) => changed('{count: 3', `{count: 3, ${given}`);
  const releaseWith = (given: string) => changed('{model: a.tflite', `{model: a.tflite, ${given}`);

  const good: readonly (readonly [yaml: string, look: Look, value: unknown])[] = [
    [leastWith('seed: 0'), ({ seed }) => seed, 0],
    [leastWith('seed: 9007199254740991'), ({ seed }) => seed, 9007199254740991],
    [leastWith('slot: 1_-a'), ({ slot }) => slot, '1_-a'],
    [leastWith('start: 1970-01-01T00:00Z'), ({ startMs }) => startMs, 0],
    [leastWith('start: "2024-02-29T12:00:00.5Z"'), ({ startMs }) => startMs, 1709208000500],
    [leastWith('period: 100 ms'), ({ periodMs }) => periodMs, 100],
    [leastWith('report: 5 min'), ({ reportMs }) => reportMs, 300_000],
    [leastWith('telemetry: off'), ({ telemetryMs }) => telemetryMs, undefined],
    [leastWith('telemetry: 1 h'), ({ telemetryMs }) => telemetryMs, hour],
    [leastWith('only: [sim-00003, sim-00001]'), ({ only }) => [...(only ?? [])].length, 2],
    [leastWith('broker: {mqtt: 3.1.1}'), ({ broker }) => broker.mqtt, '3.1.1'],
    [leastWith('broker: {mqtt: 5}'), ({ broker }) => broker.mqtt, '5'],
    [
      leastWith('broker: {kind: mosquitto-2, queued: 5, inflight: 1, packet: 64 KiB}'),
      ({ broker }) => broker,
      { kind: 'mosquitto-2', queued: 5, inflight: 1, packetBytes: 65_536, mqtt: '5' },
    ],
    [
      leastWith('labels: {of: disagreements}'),
      ({ labels }) => labels,
      { share: 1, of: 'disagreements', delayMs: 0, wrong: 0 },
    ],
    [leastWith('labels: {}'), ({ labels }) => labels?.share, 1],

    [groupWith('name: presses'), ({ groups }) => groups[0]?.name, 'presses'],
    [
      groupWith('profile: boards/mine.yaml'),
      ({ groups }) => groups[0]?.profile,
      { name: 'boards/mine.yaml', file: '/file/boards/mine.yaml' },
    ],
    [groupWith('site: hall-2'), (scenario) => (group(scenario) as { site: string }).site, 'hall-2'],
    [
      groupWith('link: nb-iot'),
      link,
      {
        name: 'nb-iot',
        upBitPerS: undefined,
        downBitPerS: undefined,
        latencyMs: range(500, 4_000),
        loss: 0,
      },
    ],
    [
      groupWith('link: {up: 1..2 Mbit/s, down: 300 kbit/s, latency: 20..80 ms, loss: 1 %}'),
      link,
      {
        name: 'own',
        upBitPerS: range(1e6, 2e6),
        downBitPerS: 300_000,
        latencyMs: range(20, 80),
        loss: 0.01,
      },
    ],
    [groupWith('link: {}'), (scenario) => (link(scenario) as { latencyMs: 20 }).latencyMs, 20],

    [
      sensorOf('{kind: vibration, environment: laboratory, mix: {normal: 90 %, looseness: 10 %}}'),
      ({ groups: [first] }) => first?.sensor.kind === 'vibration' && first.sensor.mix,
      { normal: 0.9, imbalance: 0, 'bearing-fault': 0, looseness: 0.1 },
    ],
    [
      sensorOf('{kind: vibration, changes: 2/device/day}'),
      ({ groups: [first] }) => first?.sensor.kind === 'vibration' && first.sensor.changes,
      { kind: 'rate', per: 'device', perMs: 2 / day },
    ],
    [
      sensorOf('{kind: csv, file: a.csv, columns: [x, y], label: "column:Class", start: 7}'),
      sensor,
      {
        kind: 'csv',
        file: '/file/a.csv',
        columns: ['x', 'y'],
        labelColumn: 'Class',
        startRow: 7,
      },
    ],
    [
      sensorOf('{kind: csv, file: a.csv}'),
      sensor,
      {
        kind: 'csv',
        file: '/file/a.csv',
        columns: undefined,
        labelColumn: undefined,
        startRow: 'drawn',
      },
    ],
    [
      sensorOf('{kind: wav, folder: clips, label: name}'),
      sensor,
      { kind: 'wav', folder: '/folder/clips', label: 'name' },
    ],
    [
      sensorOf('{kind: pictures, folder: photos}'),
      sensor,
      { kind: 'pictures', folder: '/folder/photos', label: undefined },
    ],
    [
      sensorOf('{kind: pictures, folder: photos, label: folder}'),
      (scenario) => (sensor(scenario) as { label: string }).label,
      'folder',
    ],
    // Words that YAML 1.1 takes for truth values are words.
    [
      sensorOf('{kind: audio, classes: [yes, no, on, "off", true]}'),
      sensor,
      { kind: 'audio', classes: ['yes', 'no', 'on', 'off', 'true'] },
    ],

    [
      changed('model: a.tflite', 'model: [front.tflite, "demo:vibration-v2"]'),
      ({ releases }) => releases[0]?.models,
      ['/file/front.tflite', '/demo/vibration-v2.tflite'],
    ],
    // A model of the demo comes with its labels and its pipeline.
    [
      changed('model: a.tflite', 'model: "demo:vibration-v3", pipeline: mine.json'),
      ({ releases: [first] }) => [first?.labels, first?.pipeline],
      ['/demo/labels.txt', '/file/mine.json'],
    ],
    [
      releaseWith('labels: l.txt, pipeline: p.json, reference: r.json, damage: self-test'),
      ({ releases: [first] }) => [first?.labels, first?.pipeline, first?.reference, first?.damage],
      ['/file/l.txt', '/file/p.json', '/file/r.json', 'self-test'],
    ],
    [
      releaseWith('behaves: {wrong: 5 %, wrong-when-serving: 20 %, slow: 3 x, trap: 1 %}'),
      ({ releases: [first] }) => first?.behaves,
      { wrong: 0.05, wrongWhenServing: 0.2, slow: 3, trap: 0.01, hang: 0, where: all },
    ],
    [
      releaseWith('behaves: {hang: 1 %, where: site = site-1}'),
      ({ releases: [first] }) => first?.behaves?.where.conditions,
      [{ key: 'site', isOneOf: true, values: ['site-1'] }],
    ],

    [
      leastWith('swarm: {power-cut: 0..1/device/day, broker-restart: 1/h}'),
      ({ swarm }) => swarm,
      [
        { kind: 'power-cut', value: { kind: 'rate', per: 'device', perMs: range(0, 1 / day) } },
        { kind: 'broker-restart', value: { kind: 'rate', per: 'all', perMs: 1 / hour } },
      ],
    ],
    [
      leastWith(
        'swarm: {loss: 1 %, duplicate: 1 %, reorder: 1 %, delay: 1 s, partition: 1 %, power-cut: 1/day, disk-full: 1 %,',
        '  eio: 1 %, bit-rot: 1 %, slow: 2 x, clock-skew: 1 h, clock-jump: 1/day, broker-restart: 1/day}',
      ),
      ({ swarm }) => swarm.length,
      13,
    ],
  ];
  for (const [yaml, look, value] of good) {
    const added = yaml.split('\n').filter((line) => !least.split('\n').includes(line));
    it(`takes ${added.map((line) => line.trim()).join(' ')}`, () => {
      assert.deepEqual(look(parse(yaml)), value);
    });
  }

  /** What is given, and what the refusal names: line, key, what is allowed. */
  const bad: readonly (readonly [yaml: string, ...names: RegExp[]])[] = [
    ['', /^line 1: the file must be a map of the keys name, seed, duration/],
    ['[1]', /^line 1: the file must be a map/],
    [
      leastWith('colour: red'),
      /^line 8: colour is no key that is known here; there are name, seed/,
    ],
    [leastWith('constructor: red'), /^line 8: constructor is no key/],
    [leastWith('__proto__: {a: 1}'), /^line 8: __proto__ is no key/],
    [leastWith('<<: {seed: 3}'), /^line 8: << is no key/],
    [leastWith('name: twice'), /^line 8: map keys must be unique/],
    [leastBut('name: least\n', ''), /^line 1: name is missing$/],
    [leastBut('duration: 12 h\n', ''), /^line 1: duration is missing$/],
    [leastBut('name: least', 'name: Least'), /^line 1: name must be a name of a-z.*"Least"$/],
    [leastBut('name: least', `name: ${'a'.repeat(33)}`), /^line 1: name must be a name/],
    [leastBut('name: least', 'name:'), /^line 1: name must be a name.*it is ""$/],
    [leastBut('name: least', 'name: [a]'), /^line 1: name must be a name.*\["a"\]$/],
    [leastBut('12 h', '12'), /^line 2: duration must be a duration.*it is "12"$/],
    [leastBut('12 h', '0'), /^line 2: duration must be a duration.*, 1 ms to 3650 day/],
    [leastBut('12 h', '1..2 h'), /^line 2: duration must be a duration/],
    [leastBut('12 h', '4000 day'), /^line 2: duration must be/],
    [leastWith('seed: -1'), /^line 8: seed must be a whole number, 0 to 9007199254740991/],
    [leastWith('seed: 9007199254740992'), /^line 8: seed must be a whole number/],
    [leastWith('seed: 0x10'), /^line 8: seed must be a whole number.*"0x10"/],
    [leastWith('seed: 1e3'), /^line 8: seed must be a whole number/],
    [leastWith('slot: Vibration'), /^line 8: slot must be a slot name/],
    [leastWith('start: 2026-01-01'), /^line 8: start must be an instant such as/],
    [leastWith('start: 2026-02-30T00:00:00Z'), /^line 8: start must be an instant/],
    [leastWith('start: 2026-01-01T25:00:00Z'), /^line 8: start must be an instant/],
    [leastWith('start: 2026-01-01T00:00:00+01:00'), /^line 8: start must be an instant/],
    [leastWith('period: 0'), /^line 8: period must be a duration/],
    [leastWith('telemetry: no'), /^line 8: telemetry must be a duration/],
    [leastWith('report: off'), /^line 8: report must be a duration/],
    [leastWith('only: []'), /^line 8: only must be a list of 1 to/],
    [
      leastWith('only: [sim-00004]'),
      /^line 8: only must have ids from sim-00001 to sim-00003; sim-00004/,
    ],
    [leastWith('only: [sim-00000]'), /^line 8: only must have ids/],
    [leastWith('only: [sim-000001]'), /^line 8: only must have ids/],
    [leastWith('only: [press-1]'), /^line 8: only\[0\] must be an id such as sim-00001/],
    [leastWith('broker: {kind: emqx}'), /^line 8: broker.kind must be mosquitto-2; it is "emqx"/],
    [leastWith('broker: {mqtt: 4}'), /^line 8: broker.mqtt must be one of 5, 3.1.1; it is "4"/],
    [
      leastWith('broker: {inflight: 70000}'),
      /^line 8: broker.inflight must be a whole number, 1 to 65535/,
    ],
    [
      leastWith('broker: {packet: 10 B}'),
      /^line 8: broker.packet must be a size .*, 1 KiB to 256 MiB/,
    ],
    [leastWith('broker: {packets: 1 KiB}'), /^line 8: broker.packets is no key.*packet/],
    [leastWith('broker:'), /^line 8: broker must be a map of the keys kind/],
    [leastWith('labels: {share: 110 %}'), /^line 8: labels.share must be a share .*, 0 % to 100 %/],
    [leastWith('labels: {share: 1..2 %}'), /^line 8: labels.share must be a share/],
    [leastWith('labels: {delay: -1 s}'), /^line 8: labels.delay must be a duration/],
    [leastWith('labels: {of: all}'), /^line 8: labels.of must be one of windows, disagreements/],

    [
      leastBut('  - {count: 3, sensor: {kind: vibration}}', '  []'),
      /^line 3: fleet must be a list of 1/,
    ],
    [
      leastBut('count: 3', 'count: 0'),
      /^line 4: fleet\[0\].count must be a whole number, 1 to 1000000/,
    ],
    [leastBut('count: 3', 'count: 1.5'), /^line 4: fleet\[0\].count must be a whole number/],
    [leastBut('count: 3, ', ''), /^line 4: fleet\[0\].count is missing/],
    [leastBut(', sensor: {kind: vibration}', ''), /^line 4: fleet\[0\].sensor is missing/],
    [groupWith('nmae: a'), /^line 4: fleet\[0\].nmae is no key.*name/],
    [groupWith('site: Hall 1'), /^line 4: fleet\[0\].site must be a name/],
    [
      groupWith('profile: pi5'),
      /^line 4: fleet\[0\].profile must be a shipped board.*pi5 is none of pi4, nucleo-l4r5/,
    ],
    [groupWith('profile: no-such.yaml'), /^line 4: fleet\[0\].profile must name a file/],
    [groupWith('link: isdn'), /^line 4: fleet\[0\].link must be one of ethernet, wifi.*"isdn"/],
    [
      groupWith('link: {latency: 19 ms}'),
      /^line 4: fleet\[0\].link.latency must be a duration .*, 20 ms to 1 day/,
    ],
    [groupWith('link: {latency: 10..30 ms}'), /^line 4: fleet\[0\].link.latency must be/],
    [groupWith('link: {loss: 5}'), /^line 4: fleet\[0\].link.loss must be a share/],
    [groupWith('link: {ping: 5 s}'), /^line 4: fleet\[0\].link.ping is no key/],
    [
      leastBut(
        '  - {count: 3, sensor: {kind: vibration}}',
        '  - {count: 1000000, sensor: {kind: vibration}}\n  - {count: 1, sensor: {kind: vibration}}',
      ),
      /^line 3: fleet must have at most 1000000 devices; it has 1000001/,
    ],
    [
      leastBut(
        '  - {count: 3,',
        '  - {count: 1, name: group-2, sensor: {kind: vibration}}\n  - {count: 3,',
      ),
      /^line 5: fleet\[1\].name must be another one: two groups are named group-2/,
    ],

    [
      sensorOf('{}'),
      /^line 4: fleet\[0\].sensor must have a kind that is one of vibration, csv, wav, pictures, audio/,
    ],
    [sensorOf('{kind: sonar}'), /^line 4: fleet\[0\].sensor must have a kind/],
    [sensorOf('{kind: constructor}'), /^line 4: fleet\[0\].sensor must have a kind/],
    [sensorOf('vibration'), /^line 4: fleet\[0\].sensor must be a map/],
    [
      sensorOf('{kind: vibration, environment: desert}'),
      /sensor.environment must be one of laboratory, field/,
    ],
    [
      sensorOf('{kind: vibration, mix: {normal: 50 %}}'),
      /sensor.mix must have shares that sum up to 100 %/,
    ],
    [sensorOf('{kind: vibration, mix: {broken: 100 %}}'), /sensor.mix.broken is no key/],
    [sensorOf('{kind: vibration, changes: 1/day}'), /sensor.changes must be a rate of each device/],
    [sensorOf('{kind: vibration, changes: 1 day}'), /sensor.changes must be/],
    [sensorOf('{kind: vibration, file: a.csv}'), /sensor.file is no key/],
    [sensorOf('{kind: csv}'), /sensor.file is missing/],
    [
      sensorOf('{kind: csv, file: no-such.csv}'),
      /^line 4: fleet\[0\].sensor.file must name a file/,
    ],
    [sensorOf('{kind: csv, file: a.csv, columns: []}'), /sensor.columns must be a list of 1 to/],
    [
      sensorOf('{kind: csv, file: a.csv, columns: [x, x]}'),
      /sensor.columns must have each name once/,
    ],
    [sensorOf('{kind: csv, file: a.csv, label: Class}'), /sensor.label must be column:NAME/],
    [
      sensorOf('{kind: csv, file: a.csv, label: "column:x", columns: [x]}'),
      /sensor.columns must not have the column x/,
    ],
    [
      sensorOf('{kind: csv, file: a.csv, start: 0}'),
      /sensor.start must be drawn, or the number of a row/,
    ],
    [sensorOf('{kind: csv, file: a.csv, start: 1.5}'), /sensor.start must be drawn/],
    [sensorOf('{kind: wav, folder: no-such}'), /sensor.folder must name a folder/],
    [sensorOf('{kind: wav, folder: a, label: column}'), /sensor.label must be one of folder, name/],
    [sensorOf('{kind: audio}'), /sensor.classes is missing/],
    [sensorOf('{kind: audio, classes: yes}'), /sensor.classes must be a list/],
    [sensorOf('{kind: audio, classes: [yes, yes]}'), /sensor.classes must have each name once/],

    [
      leastBut('  v1: {model: a.tflite}\n  v2: {model: b.tflite}', '  {}'),
      /^line 5: releases must have at least one/,
    ],
    [leastBut('v1:', 'V1:'), /^line 6: releases.V1 must have a name of a-z.* as its key/],
    [leastBut('v1:', 'constructor:'), /^line 6: releases.constructor must have a name/],
    [leastBut('v1:', 'prototype:'), /^line 6: releases.prototype must have a name/],
    [leastBut('v1:', 'none:'), /^line 6: releases.none must have another name/],
    [leastBut('{model: a.tflite}', '{}'), /^line 6: releases.v1.model is missing/],
    [leastBut('{model: a.tflite}', 'a.tflite'), /^line 6: releases.v1 must be a map/],
    [leastBut('a.tflite', 'no-such.tflite'), /^line 6: releases.v1.model must name a file/],
    [
      leastBut('a.tflite', '[a.tflite, no-such.tflite]'),
      /^line 6: releases.v1.model\[1\] must name a file/,
    ],
    [leastBut('a.tflite', '[]'), /^line 6: releases.v1.model must be a list of 1 to 4/],
    [
      leastBut('a.tflite', '"demo:vibration-v9"'),
      /^line 6: releases.v1.model must be a file, or one of demo:vibration-v1/,
    ],
    [releaseWith('labels: no-labels.txt'), /^line 6: releases.v1.labels must name a file/],
    [
      releaseWith('damage: all'),
      /^line 6: releases.v1.damage must be one of block, manifest, self-test, stranger/,
    ],
    [releaseWith('behaves: {wrong: 5}'), /^line 6: releases.v1.behaves.wrong must be a share/],
    [releaseWith('behaves: {slow: 0 x}'), /^line 6: releases.v1.behaves.slow must be a factor/],
    [
      releaseWith('behaves: {where: site = hall-7}'),
      /^line 6: releases.v1.behaves.where must have one of site-1 for site; hall-7 is none/,
    ],

    [
      leastWith('swarm: {memory: 50 %}'),
      /^line 8: swarm.memory is no key that is known here; there are loss, duplicate/,
    ],
    [leastWith('swarm: {loss: 5}'), /^line 8: swarm.loss must be a share .* or a range a..b/],
    [leastWith('swarm: {slow: 0..20 x}'), /^line 8: swarm.slow must be a factor/],
    [leastWith('swarm: {loss: 5..1 %}'), /^line 8: swarm.loss must have the lesser end first/],
    [
      leastWith('swarm: {broker-restart: 1/device/day}'),
      /^line 8: swarm.broker-restart must be a rate such as 200\/s/,
    ],
    [leastWith('swarm: {power-cut: now}'), /^line 8: swarm.power-cut must be a rate/],

    [leastWith('expect: windows.lost = 0'), /^line 8: expect must be a list/],
    [
      leastWith('expect:', '  - windows.lost = 0', '  - windows.found = 0'),
      /^line 10: expect\[1\] must have a term/,
    ],
    [
      leastWith('expect:', '  - rollout(r).ends = promoted'),
      /^line 9: expect\[0\] must name a rollout of the timeline; r is none/,
    ],
    [
      leastWith('expect:', '  - share(devices, release = v3) = 0 %'),
      /^line 9: expect\[0\] must have one of v1, v2, none for release; v3 is none/,
    ],
    [
      leastWith('expect:', '  - sometimes: count(devices, group = presses) = 0'),
      /^line 9: expect\[0\] must have one of group-1 for group/,
    ],
    [
      leastWith('expect:', '  - count(devices, id = sim-00004) = 0'),
      /^line 9: expect\[0\] must have one of sim-00001 to sim-00003 for id/,
    ],
    [
      leastWith('expect:', '  - count(devices, link = isdn) = 0'),
      /^line 9: expect\[0\] must have one of .* for link/,
    ],
    [
      leastWith('expect:', '  - count(devices, profile = pi5) = 0'),
      /^line 9: expect\[0\] must have one of .* for profile/,
    ],
    [
      leastWith('expect:', '  - windows.lost = 0 at 13 h'),
      /^line 9: expect\[0\] must have a time within duration behind at/,
    ],
    [
      leastWith('expect:', '  - windows.lost = 0 or windows.lost = 0 after 13 h'),
      /must have a time within duration/,
    ],
  ];
  for (const [yaml, ...names] of bad) {
    const added = yaml.split('\n').filter((line) => !least.split('\n').includes(line));
    it(`is refused with ${added.join(' ').trim().slice(0, 100) || 'less'}`, () => {
      const refusal = refusalOf(yaml);
      for (const name of names) assert.match(refusal, name);
      for (const line of refusal.split('\n')) assert.match(line, /^line \d+: |^and \d+ more$/);
    });
  }

  it('is told all that is wrong at once, ten mistakes at most', () => {
    const yaml = leastWith('seed: -1', 'slot: A', 'period: 0');
    assert.deepEqual(
      refusalOf(yaml)
        .split('\n')
        .map((line) => line.replace(/ must.*/, '')),
      ['line 8: seed', 'line 9: slot', 'line 10: period'],
    );
    const many = leastWith('only:', ...Array.from({ length: 30 }, () => '  - press'));
    assert.equal(refusalOf(many).split('\n').length, 11);
    assert.match(refusalOf(many), /and 20 more$/);
  });

  it('is refused without control characters or long quotes of what it holds', () => {
    for (const yaml of [
      leastWith(`"\\e[2J": 1`),
      leastWith(`slot: "\\e[2J\\n"`),
      leastWith(`slot: ${'x'.repeat(5_000)}`),
      leastWith(`${'x'.repeat(900)}: 1`),
      leastWith(`expect: ["windows.\\e = 0", "\\e"]`),
      leastWithEntry(`{at: 0, publish: "\\e[2J"}`),
      leastWith(`only: [${Array.from({ length: 9 }, () => `"\\e${'x'.repeat(2_000)}"`).join()}]`),
    ]) {
      const refusal = refusalOf(yaml);
      for (const line of refusal.split('\n')) assert.match(line, /^[^\p{Cc}\p{Cs}]*$/u);
      assert.ok(refusal.length < 12_000);
    }
  });

  it('says which line is meant in a list in blocks', () => {
    const yaml = leastBut(
      '  - {count: 3, sensor: {kind: vibration}}',
      '  - count: 3\n    site: hall-1\n\n    sensor:\n      kind: vibration\n      # here\n      environment: sea',
    );
    assert.match(refusalOf(yaml), /^line 10: fleet\[0\].sensor.environment must be/);
  });

  it('takes the seed and the size of the fleet from the command line', () => {
    const counts = (yaml: string, devices: number): readonly number[] =>
      parse(yaml, { devices }).groups.map((group) => group.devices.count);
    assert.equal(parse(least, { seed: 77 }).seed, 77);
    assert.deepEqual(counts(example, 10), [6, 4]);
    assert.deepEqual(counts(example, 3), [2, 1]);
    assert.deepEqual(counts(example, 2_000), [1_200, 800]);
    const scaled = parse(example, { devices: 11 });
    assert.deepEqual(
      scaled.groups.map((group) => group.devices),
      [
        { first: 1, count: 7 },
        { first: 8, count: 4 },
      ],
    );
    // 11 devices at 200/s.
    assert.equal(scaled.timeline[0]?.action === 'publish' && scaled.timeline[0].spreadMs, 55);
    assert.match(
      refusalOf(example, { devices: 1 }),
      /^line 4: fleet must be scaled to 2 to 1000000/,
    );
    assert.match(refusalOf(example, { devices: 2.5 }), /must be scaled/);
    assert.match(refusalOf(example, { seed: -1 }), /seed must be a whole number/);
  });

  it('gives every group a device, however much it is scaled down', () => {
    const yaml = leastBut(
      '  - {count: 3,',
      [
        '  - {count: 1, name: a, sensor: {kind: vibration}}',
        '  - {count: 1, name: b, sensor: {kind: vibration}}',
        '  - {count: 9000, name: c, sensor: {kind: vibration}}',
        '  - {count: 900,',
      ].join('\n'),
    );
    for (const devices of [4, 5, 7, 100, 9_902, 20_000]) {
      const counts = parse(yaml, { devices }).groups.map((group) => group.devices.count);
      assert.equal(
        counts.reduce((sum, count) => sum + count),
        devices,
      );
      assert.ok(counts.every((count) => count >= 1));
    }
  });
});
