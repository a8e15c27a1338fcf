import assert from 'node:assert/strict';
import process from 'node:process';
import fc from 'fast-check';
import { readYamlTexts } from '../../../agent/adapters/yaml.js';
import { CodedError } from '../../../protocol/coded-error.js';
import { assertValueOrCode, mutationsOf } from '../../helpers/mutation.js';
import { parse } from './parse.js';

/** So many hostile files; `TINYLAMP_HOSTILE_FILES` makes it a campaign. */
const numRuns = Number(process.env['TINYLAMP_HOSTILE_FILES'] ?? 300);
const timeoutMs = 60_000 + 30 * numRuns;
const seed = Number(process.env['TINYLAMP_SEED'] ?? 2026);

const whole = `
name: hostile
seed: 7
duration: 12 h
only: [sim-00001, sim-00003]
telemetry: off
broker: {queued: 5, packet: 64 KiB, mqtt: 3.1.1}
fleet:
  - {count: 6, name: a, site: hall-1, link: lte-m, sensor: &s {kind: vibration, mix: {normal: 100 %}, changes: 1/device/day}}
  - {count: 4, link: {up: 1 Mbit/s, latency: 20..40 ms}, sensor: {kind: csv, file: a.csv, label: "column:c", start: 4}}
  - {count: 1, sensor: {kind: audio, classes: [yes, no]}}
  - {count: 1, sensor: *s}
labels: {share: 20 %, of: disagreements, delay: 30 s..10 min, wrong: 1 %}
releases:
  v1: {model: "demo:vibration-v1", labels: l.txt, damage: block}
  v2: {model: [a.tflite, b.tflite], behaves: {slow: 3 x, where: "site in [hall-1, site-1] and phase != trial"}}
timeline:
  - {at: 0, publish: v1, ramp: 200/s}
  - {at: 10 min, rollout: v2, exposures: [10 %, 100 %], as: r}
  - {at: 20 min, rollout-request: pause, of: r}
  - {at: 20 min, join: 2, group: a}
  - {at: 30 min, enrol: again, where: id = sim-00002}
  - {at: 40 min, fault: {broker: restart, store: lost}}
  - {at: 1 h, fault: {sensor: gain, factor: 1..2 x, where: site = hall-1, share: 50 %, for: 15 min}}
  - {at: 1 h..6 h, fault: {power-cut: 1/device/day, torn: true}}
swarm: {loss: 0..5 %, clock-skew: -1 h..1 h, power-cut: 0..1/day}
expect:
  - rollout(r).ends = promoted within 8 h or rollout(r).ends = held
  - {"share(devices, release = v2) >= 95 %"}
  - windows.lost: 0
  - sometimes: events(code = block-missing and site = hall-1) > 0
`;

const decode = (bytes: Uint8Array): unknown => parse(new TextDecoder().decode(bytes));

type Place = readonly (string | number)[];

/** The way to every value in a tree. */
function placesIn(tree: unknown): readonly Place[] {
  if (typeof tree !== 'object' || tree === null) return [[]];
  const inner = Object.entries(tree).flatMap(([key, value]) =>
    placesIn(value).map((place) => [Array.isArray(tree) ? Number(key) : key, ...place]),
  );
  return [[], ...inner];
}

/** The tree with another value at a place. */
function withValue(tree: unknown, [first, ...rest]: Place, value: unknown): unknown {
  if (first === undefined) return value;
  if (Array.isArray(tree))
    return tree.map((each: unknown, i) => (i === first ? withValue(each, rest, value) : each));
  const map = tree as Record<string, unknown>;
  return { ...map, [first]: withValue(map[first], rest, value) };
}

describe('a hostile scenario file', () => {
  it('was none before it was changed', () => {
    assert.equal(parse(whole).name, 'hostile');
  });

  it('is read or refused with a code, whatever was changed in its bytes', () => {
    fc.assert(
      fc.property(mutationsOf([new TextEncoder().encode(whole)]), (bytes) => {
        assertValueOrCode(decode, bytes);
      }),
      { numRuns, seed },
    );
  }).timeout(timeoutMs);

  it('is read or refused with a code, whatever words stand in the place of others', () => {
    const words = whole.split(/([\s,:{}[\]]+)/);
    const word = fc.oneof(
      fc.constantFrom(...words),
      fc.constantFrom('0', '-1', '1..2', '', '~', '*s', '&s ', '[]', '{}', '{a: 1}', '0x1', '.inf'),
      fc.constantFrom('constructor', '__proto__', 'now', '1/day', '99999999999 day', '"', '? '),
      fc.string({ maxLength: 8 }),
    );
    const swap = fc.tuple(fc.nat(words.length - 1), word);
    fc.assert(
      fc.property(fc.array(swap, { minLength: 1, maxLength: 4 }), (swaps) => {
        const changed = [...words];
        for (const [at, other] of swaps) changed[at] = other;
        assertValueOrCode(decode, new TextEncoder().encode(changed.join('')));
      }),
      { numRuns, seed },
    );
  }).timeout(timeoutMs);

  it('is read or refused with a code, whatever tree stands at a key', () => {
    const tree = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('1', '5 %', '1 h', 'v1', 'true', 'now', 'vibration', '', 'site = hall-1'),
        fc.string({ maxLength: 8 }),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(
          fc.constantFrom(
            ...['at', 'fault', 'publish', 'kind', 'loss', 'power-cut', 'where', 'model', 'count'],
            ...['sensor', 'broker', 'link', 'sometimes', 'v1', 'clock-jump', 'by', 'constructor'],
          ),
          tie('tree'),
          { maxKeys: 4 },
        ),
      ),
    })).tree;
    const good = readYamlTexts(whole).value;
    const place = fc.constantFrom(...placesIn(good));
    fc.assert(
      fc.property(place, tree, (path, value) => {
        // JSON is YAML.
        const text = JSON.stringify(withValue(good, path, value));
        try {
          parse(text);
        } catch (error) {
          assert.ok(error instanceof CodedError, String(error));
          assert.match(error.detail, /^line 1: /);
        }
      }),
      { numRuns, seed },
    );
  }).timeout(timeoutMs);
});
