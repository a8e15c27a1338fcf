import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import {
  loadConfiguration,
  safeDeviceId,
  type AgentConfiguration,
} from '../../../../agent/adapters/configuration/load.js';
import { CodedError } from '../../../../protocol/coded-error.js';
import { deviceIdPattern } from '../../../../protocol/topics.js';

const page = readFileSync(
  path.resolve(import.meta.dirname, '../../../../../docs/configuration.md'),
  'utf8',
);
const [fullExample = '', smallestExample = ''] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
  ([, yaml = '']) => yaml,
);

describe('loadConfiguration', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-configuration-'));
    for (const name of ['ca.pem', 'press-7.pem', 'press-7.key', 'keyset.cbor']) {
      writeFileSync(path.join(folder, name), `content of ${name}`);
    }
    writeFileSync(path.join(folder, 'password'), 'correct horse\r\n');
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const load = (yaml: string | Uint8Array): AgentConfiguration => {
    const file = path.join(folder, 'agent.yaml');
    writeFileSync(file, yaml);
    return loadConfiguration(file);
  };
  const refusal = (yaml: string | Uint8Array): CodedError => {
    try {
      load(yaml);
    } catch (error) {
      if (error instanceof CodedError) return error;
      throw error;
    }
    throw new Error(`this was accepted: ${String(yaml).slice(0, 200)}`);
  };
  /** The smallest configuration with one line more, or with lines exchanged. */
  const smallestWith = (line: string): string => `${smallestExample}${line}\n`;
  const smallestBut = (from: string, to: string): string => {
    assert.ok(smallestExample.includes(from), from);
    return smallestExample.replace(from, to);
  };

  it('takes the full example of its documentation, with the files that it names', () => {
    const configuration = load(fullExample);
    assert.equal(configuration.deviceId, 'press-7');
    assert.deepEqual(configuration.labels, { site: 'hall-2', class: 'pi4' });
    assert.equal(textOf(configuration.mqtt.password), 'correct horse');
    assert.equal(textOf(configuration.mqtt.tls?.ca), 'content of ca.pem');
    assert.equal(textOf(configuration.mqtt.tls?.key), 'content of press-7.key');
    assert.equal(textOf(configuration.trust.keyset), 'content of keyset.cbor');
    assert.equal(configuration.slots['vibration']?.limits.arenaBytes, 262_144);
    assert.equal(configuration.stateDir, '/var/lib/tinylamp');
  });

  it('gives the defaults where little is said, and makes paths relative to its folder', () => {
    const configuration = load(smallestExample);
    assert.equal(configuration.deviceId, safeDeviceId(hostname()));
    assert.equal(configuration.stateDir, path.join(folder, 'state'));
    assert.deepEqual(configuration.slots['door'], {
      source: {
        type: 'file',
        path: path.join(folder, 'frames.raw'),
        decode: 'raw',
        maxBytes: 4_194_304,
      },
      sink: { type: 'mqtt', encode: 'json' },
      limits: { arenaBytes: 262_144, imageBytes: 1_048_576, periodMs: 1000 },
    });
    const { mqtt, telemetry, limits, production, labels } = configuration;
    assert.deepEqual(
      [mqtt.protocol, mqtt.prefix, mqtt.url, mqtt.password, mqtt.tls],
      ['auto', 'tinylamp', ['mqtt://localhost'], undefined, undefined],
    );
    assert.deepEqual(
      [telemetry, limits, production, labels],
      [
        { schedule: '* * * * *', timezone: 'UTC', encode: 'cbor' },
        { storageBytes: 67_108_864, spoolBytes: 8_388_608 },
        false,
        {},
      ],
    );
  });

  it('takes versions of MQTT as YAML reads them', () => {
    for (const [given, protocol] of [
      ['5', '5'],
      ['"5"', '5'],
      ['3.1.1', '3.1.1'],
      ['auto', 'auto'],
    ] as const) {
      const yaml = smallestBut(
        '{url: mqtt://localhost}',
        `{url: mqtt://localhost, protocol: ${given}}`,
      );
      assert.equal(load(yaml).mqtt.protocol, protocol);
    }
  });

  /** What is changed in the smallest configuration, and what the message names: key, value, what is allowed. */
  const mistakes: readonly (readonly [from: string, to: string, ...names: RegExp[]])[] = [
    ['stateDir: state', 'statedir: state', /statedir is no key/, /stateDir is missing/],
    ['stateDir: state', 'stateDir: 7', /stateDir must be a text.*; it is 7/],
    ['stateDir: state', 'stateDir: ""', /stateDir must be a text/],
    ['stateDir: state', 'stateDir: [a]', /stateDir must be a text.*\["a"\]/],
    ['{url: mqtt://localhost}', '{}', /mqtt\.url is missing/],
    ['{url: mqtt://localhost}', '', /mqtt must be a map of keys; it is null/],
    ['{url: mqtt://localhost}', '{url: mqtt://localhost, qos: 2}', /mqtt\.qos is no key/],
    [
      '{url: mqtt://localhost}',
      '{url: mqtt://localhost, protocol: 4}',
      /protocol must be one of.*"4"/,
    ],
    [
      '{url: mqtt://localhost}',
      '{url: mqtt://localhost, prefix: a//b}',
      /prefix must be.*"a\/\/b"/,
    ],
    ['{url: mqtt://localhost}', '{url: mqtt://localhost, prefix: "#"}', /mqtt\.prefix must be/],
    ['{url: mqtt://localhost}', '{url: mqtt://localhost, prefix: $SYS}', /mqtt\.prefix must be/],
    ['mqtt://localhost', 'http://localhost', /mqtt\.url must be mqtt:.*"http:\/\/localhost"/],
    ['mqtt://localhost', '"mqtt://localhost:99999"', /mqtt\.url must be/],
    ['mqtt://localhost', '"mqtt://localhost:0"', /mqtt\.url must be/],
    ['mqtt://localhost', '"mqtt://localhost/path"', /mqtt\.url must be/],
    ['mqtt://localhost', '[]', /mqtt\.url must/],
    ['mqtt://localhost', '[mqtt://a, ws://b]', /mqtt\.url/],
    ['door:', 'Door:', /slots\.Door must have a name of a-z/],
    ['door:', 'a/b:', /slots\.a\/b must have a name/],
    ['door:', `${'a'.repeat(33)}:`, /slots\.a+ must have a name/],
    ['type: file', 'type: camera', /source\.type must be one of mqtt, stdin, file; it is "camera"/],
    ['type: file', 'type: vitals', /source\.type is not supported yet.*"vitals"/],
    [
      'type: file, path: frames.raw',
      'type: mqtt, topic: a/+',
      /topic must be one exact topic.*"a\/\+"/,
    ],
    ['type: file, path: frames.raw', 'type: mqtt, topic: "a/#"', /topic must be one exact topic/],
    ['type: file, path: frames.raw', 'type: mqtt, topic: "a\\0b"', /topic must be one exact topic/],
    ...['$share/g/a', '$queue/a', '$SYS/broker/load'].map(
      (topic) =>
        [
          'type: file, path: frames.raw',
          `type: mqtt, topic: ${topic}`,
          /topic must be one exact topic.*not beginning with \$/,
        ] as const,
    ),
    ['type: file, path: frames.raw', 'type: mqtt, topic: ""', /topic must be one exact topic/],
    ['type: file, path: frames.raw', 'type: mqtt', /source\.topic is missing/],
    ['path: frames.raw', 'topic: a', /source\.topic is no key/, /source\.path is missing/],
    [
      'decode: raw',
      'decode: raw, maxBytes: 67108865',
      /source\.maxBytes must be a whole number, 1024 to 67108864/,
    ],
    ['decode: raw', 'decode: raw, gapMs: 3000', /source\.gapMs is no key/],
    ['decode: raw', 'decode: json', /source takes fields with decode json/],
    ['decode: raw', 'decode: raw, fields: [/x]', /source takes fields with decode json/],
    ['decode: raw', 'decode: json, fields: [x]', /fields\.0 must be a JSON Pointer.*"x"/],
    ['decode: raw', 'decode: json, fields: [/a~2]', /fields\.0 must be a JSON Pointer/],
    ['decode: raw', 'decode: json, fields: []', /fields must name at least one/],
    ['decode: raw', 'decode: bmp, element: int8', /source takes element only with decode raw/],
    ['decode: raw', 'decode: raw, element: int4', /element must be one of int8.*"int4"/],
    [
      'decode: raw',
      'decode: gif',
      /decode must be one of raw, json, bmp, png, jpeg, wav; it is "gif"/,
    ],
    ...['cbor'].map(
      (later) =>
        [
          'decode: raw',
          `decode: ${later}`,
          new RegExp(`decode is not supported yet.*raw, json, bmp.*"${later}"`),
        ] as const,
    ),
  ];
  for (const [from, to, ...names] of mistakes) {
    it(`refuses ${to} instead of ${from}`, () => {
      const error = refusal(smallestBut(from, to));
      assert.equal(error.code, 'configuration-invalid');
      for (const name of names) assert.match(error.detail, name);
    });
  }

  const additions: readonly (readonly [line: string, name: RegExp])[] = [
    ['deviceID: a', /deviceID is no key/],
    ['deviceId: a/b', /deviceId must be a text of A-Z.*"a\/b"/],
    ['deviceId: ../a', /deviceId must be/],
    ['deviceId: 7', /deviceId must be.*; it is 7/],
    [`deviceId: ${'a'.repeat(65)}`, /deviceId must be/],
    ['labels: {site: 7}', /labels\.site must be a text; it is 7/],
    ['labels: {"a b": x}', /labels\.a b must have a name/],
    ['labels: [x]', /labels must be a map/],
    ['limits: {storageBytes: 0}', /storageBytes must be a whole number, 1 to \d+; it is 0/],
    ['limits: {spoolBytes: 1.5}', /spoolBytes must be a whole number.*; it is 1\.5/],
    ['limits: {spoolBytes: 1e30}', /spoolBytes must be a whole number/],
    ['limits: {spoolBytes: .nan}', /spoolBytes must be a whole number/],
    ['limits: {spoolBytes: "8"}', /spoolBytes must be a whole number.*; it is "8"/],
    ['limits: {ramBytes: 1}', /limits\.ramBytes is no key/],
    ['production: yes', /production must be true or false; it is "yes"/],
    ['telemetry: {schedule: 60}', /telemetry\.schedule must be a text/],
    ['telemetry: {timezone: Mars/Olympus}', /telemetry\.timezone must be the name of a time zone/],
    ['telemetry: {timezone: ""}', /telemetry\.timezone must be the name of a time zone/],
    ['telemetry: {interval: 60}', /telemetry\.interval is no key/],
    ['constructor: 1', /constructor is no key/],
    ['__proto__: {production: true}', /__proto__ is no key/],
    ['labels: {toString: x}', /labels\.toString is no key/],
  ];
  for (const [line, name] of additions) {
    it(`refuses ${line.slice(0, 60)}`, () => {
      const error = refusal(smallestWith(line));
      assert.equal(error.code, 'configuration-invalid');
      assert.match(error.detail, name);
    });
  }

  it('lists several mistakes at once', () => {
    const { detail } = refusal('deviceId: a/b\nmqtt: {url: ftp://x}\nslots: {}\n');
    for (const key of ['deviceId', 'stateDir', 'mqtt.url', 'trust', 'slots']) {
      assert.ok(
        detail.split('\n').some((line) => line.startsWith(key)),
        `${key} in ${detail}`,
      );
    }
  });

  it('never repeats a password from an address', () => {
    const yaml = smallestBut('mqtt://localhost', 'mqtt://me:hunter2@localhost');
    const { detail } = refusal(yaml);
    assert.match(detail, /mqtt\.url must be/);
    assert.doesNotMatch(detail, /hunter2/);
    assert.doesNotMatch(refusal(smallestWith('password: hunter2')).detail, /hunter2/);
  });

  it('refuses a schedule that is none', () => {
    assert.equal(refusal(smallestWith('telemetry: {schedule: hourly}')).code, 'schedule-invalid');
    assert.equal(
      refusal(smallestWith('telemetry: {schedule: "99 * * * *"}')).code,
      'schedule-invalid',
    );
    load(smallestWith('telemetry: {schedule: "*/10 * * * * *"}'));
  });

  it('refuses plain addresses where they would be read, or where TLS was meant', () => {
    assert.match(refusal(smallestWith('production: true')).detail, /mqtt\.url must be mqtts:/);
    const mixed = fullExample.replace('mqtts://broker-2', 'mqtt://broker-2');
    assert.match(refusal(mixed).detail, /mqtt\.url must be mqtts:.*"mqtt:\/\/broker-2/);
    const tls = smallestBut('mqtt://localhost', 'mqtt://localhost, tls: {ca: ca.pem}');
    assert.match(refusal(tls).detail, /mqtt\.url must be mqtts:/);
  });

  it('refuses halves of what belongs together', () => {
    const key = fullExample.replace(', key: press-7.key', '');
    assert.match(refusal(key).detail, /mqtt\.tls\.cert and mqtt\.tls\.key/);
    const user = fullExample.replace(/ {2}username: .*\n/, '');
    assert.match(refusal(user).detail, /mqtt\.username/);
  });

  it('refuses two slots that would take each other their samples', () => {
    const both = (source: string): string =>
      smallestBut('door:', `one: {source: ${source}}\n  two: {source: ${source}}\n  door:`);
    const { detail } = refusal(both('{type: stdin, decode: raw}'));
    assert.match(detail, /slots\.two\.source must not read .*, which slots\.one reads/);
    // Each is given all messages of a topic.
    load(both('{type: mqtt, topic: a, decode: raw}'));
  });

  /** A configuration of these slots, each with source, sink and truth by their topics. */
  const slotsOn = (
    slots: Record<string, { source: string; sink?: string; truth?: string }>,
    more = 'deviceId: press-7\n',
  ): string =>
    `${more}${smallestExample.replace(/slots:[^]*/, '')}slots:\n${Object.entries(slots)
      .map(([name, { source, sink, truth }]) => {
        const results = sink === undefined ? '{type: mqtt}' : `{type: mqtt, topic: ${sink}}`;
        return [
          `  ${name}:`,
          `    source: {type: mqtt, topic: ${source}, decode: json, fields: [/score]}`,
          `    sink: ${results}`,
          ...(truth === undefined ? [] : [`    truth: {type: mqtt, topic: ${truth}}`]),
          '',
        ].join('\n');
      })
      .join('')}`;

  it('refuses a slot that is its own source, by default too, and by way of others', () => {
    const own = 'tinylamp/devices/press-7/results';
    for (const [slots, named] of [
      [{ one: { source: 'a', sink: 'a' } }, 'one'],
      [{ one: { source: `${own}/one` } }, 'one'],
      [{ one: { source: 'a', sink: 'b' }, two: { source: 'b', sink: 'a' } }, 'one'],
      [{ one: { source: `${own}/two` }, two: { source: `${own}/one` } }, 'one'],
      [
        {
          ahead: { source: 'z', sink: 'a' },
          one: { source: 'a', sink: 'b' },
          two: { source: 'b', sink: 'c' },
          three: { source: 'c', sink: 'a' },
        },
        'one',
      ],
    ] as const) {
      const { code, detail } = refusal(slotsOn(slots));
      assert.equal(code, 'configuration-invalid');
      assert.match(detail, new RegExp(`^slots\\.${named}\\.source must not read the slot's own`));
    }
    const other = 'deviceId: press-8\nmqtt: {url: mqtt://localhost, prefix: site/a}\n';
    const yaml = slotsOn({ one: { source: 'site/a/devices/press-8/results/one' } }, '');
    const elsewhere = other + yaml.replace(/mqtt:.*\n/, '');
    assert.match(refusal(elsewhere).detail, /own results/);
  });

  it('takes slots that hear others, or share a truth', () => {
    load(slotsOn({ one: { source: 'a', sink: 'b' }, two: { source: 'b', sink: 'c' } }));
    load(slotsOn({ one: { source: 'a', truth: 't' }, two: { source: 'b', truth: 't' } }));
    load(slotsOn({ one: { source: 'a', truth: 'a' } }));
    load(slotsOn({ one: { source: 'tinylamp/devices/press-8/results/one' } }));
  });

  it('refuses a slot whose own answers are its true labels', () => {
    const own = 'tinylamp/devices/press-7/results/one';
    for (const slot of [
      { source: 'a', sink: 'b', truth: 'b' },
      { source: 'a', truth: own },
    ]) {
      assert.match(refusal(slotsOn({ one: slot })).detail, /truth\.topic must not be/);
    }
  });

  it('refuses topics that tinylamp has for something else', () => {
    const taken = ['policies/one', 'beacon', 'blocks/0/1', 'devices/press-7/events'];
    for (const topic of taken.map((end) => `tinylamp/${end}`)) {
      for (const slot of [
        { source: topic },
        { source: 'a', sink: topic },
        { source: 'a', truth: topic },
      ]) {
        assert.match(refusal(slotsOn({ one: slot })).detail, /tinylamp uses it/);
      }
    }
    load(slotsOn({ one: { source: 'tinylamp/sensors/a', truth: 'tinylamp/truth' } }));
  });

  it('names the key of a file that cannot be read', () => {
    for (const [from, key] of [
      ['password\n', 'mqtt.passwordFile'],
      ['ca.pem', 'mqtt.tls.ca'],
      ['press-7.key', 'mqtt.tls.key'],
      ['keyset.cbor', 'trust.keyset'],
    ] as const) {
      const error = refusal(fullExample.replace(from, `absent-${from}`));
      assert.equal(error.code, 'configuration-invalid');
      assert.ok(error.detail.startsWith(`${key} names a file`), error.detail);
    }
    mkdirSync(path.join(folder, 'a-folder'));
    const error = refusal(smallestBut('keyset.cbor', 'a-folder'));
    assert.match(error.detail, /trust\.keyset names a file/);
  });

  it('stops reading files that have no end', function () {
    if (process.platform === 'win32') this.skip();
    assert.match(refusal(smallestBut('keyset.cbor', '/dev/zero')).detail, /more than \d+ bytes/);
    assert.throws(() => loadConfiguration('/dev/zero'), { code: 'configuration-invalid' });
  });

  it('refuses a file that is absent, or that the agent may not read', function () {
    assert.throws(() => loadConfiguration(path.join(folder, 'absent.yaml')), {
      code: 'configuration-invalid',
    });
    // Root reads everything.
    if (process.getuid?.() === 0) return;
    const secret = path.join(folder, 'secret');
    writeFileSync(secret, 'x');
    chmodSync(secret, 0);
    assert.match(refusal(smallestBut('keyset.cbor', 'secret')).detail, /trust\.keyset/);
  });

  it('refuses what is no YAML, or more than one document of it', () => {
    for (const yaml of [
      '',
      'just words',
      '[1, 2]',
      '{',
      'a: b: c',
      '\t- x',
      smallestWith('stateDir: twice'),
      `${smallestExample}---\n${smallestExample}`,
      smallestBut('stateDir: state', 'stateDir: !!js/function "x"'),
      smallestBut('stateDir: state', 'stateDir: *nobody'),
      Uint8Array.of(0xff, 0xfe, 0, 1),
    ]) {
      assert.equal(refusal(yaml).code, 'configuration-invalid');
    }
  });

  it('refuses aliases that multiply, and brackets without end, at once', () => {
    const levels = 'abcdefghij'.split('').map((name, i, all) => {
      const elder = all[i - 1];
      return `${name}: &${name} [${elder === undefined ? 'x' : Array(9).fill(`*${elder}`).join(', ')}]`;
    });
    assert.equal(refusal(levels.join('\n')).code, 'configuration-invalid');
    const staircase = Array.from({ length: 400 }, (_, i) => `${' '.repeat(i)}a:`).join('\n');
    const ladder = Array.from({ length: 65 }, (_, i) => `${' '.repeat(i)}-`).join('\n');
    for (const opening of ['[', '{a: ', '- ', '? ', '- ? ', '[? ', '- &a ']) {
      assert.match(refusal(opening.repeat(100_000)).detail, /nested too deeply/);
    }
    assert.match(refusal(staircase).detail, /nested too deeply/);
    assert.equal(refusal(ladder).code, 'configuration-invalid');
  });

  it('refuses an alias within what it stands for, and one without an anchor', () => {
    const circle = smallestWith('labels: &circle {site: *circle}');
    assert.match(refusal(circle).detail, /an alias is part of what it stands for/);
    assert.match(refusal(smallestWith('labels: *none')).detail, /has no anchor/);
  });

  it('answers any text with a configuration or a code', () => {
    const lines = fc.constantFrom(...fullExample.split('\n'));
    const noise = fc.oneof(lines, fc.string({ maxLength: 30, unit: 'grapheme' }));
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 30 }), (parts) => {
        try {
          load(parts.join('\n'));
        } catch (error) {
          assert.ok(error instanceof CodedError, String(error));
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

describe('safeDeviceId', () => {
  it('makes a device id of any host name', () => {
    assert.equal(safeDeviceId('press-7'), 'press-7');
    assert.equal(safeDeviceId('press 7.hall.example'), 'press-7-hall-example');
    assert.equal(safeDeviceId(''), 'gateway');
    fc.assert(
      fc.property(fc.string(), (host) => deviceIdPattern.test(safeDeviceId(host))),
      { seed: 1 },
    );
  });
});

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes);
}
