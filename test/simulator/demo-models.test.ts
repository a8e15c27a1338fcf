import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';

import { conditions } from '../../simulator/signals/condition.js';

const models = 'simulator/demo/models';
const conformance = 'test/conformance';

/** The part of a training report that promises something. */
interface Report {
  readonly macs: number;
  readonly model_sha256: string;
  readonly scores: Readonly<Record<'laboratory' | 'field', { readonly int8_accuracy: number }>>;
}

/** The part of an index that names bytes. */
interface Index {
  readonly models: readonly {
    readonly name: string;
    readonly model: string;
    readonly model_sha256: string;
    readonly bin: string;
    readonly bin_sha256: string;
  }[];
}

describe('The demo models', () => {
  for (const version of ['v1', 'v2']) {
    it(`are those that their reports speak of: ${version}`, () => {
      const report = readJson<Report>(`${models}/report-${version}.json`);
      assert.equal(digestOf(`${models}/vibration-${version}.tflite`), report.model_sha256);
    });

    it(`are small and good enough for the demo: ${version}`, () => {
      const { macs, scores } = readJson<Report>(`${models}/report-${version}.json`);
      assert.ok(macs <= 200_000);
      assert.ok(statSync(`${models}/vibration-${version}.tflite`).size <= 60 * 1024);
      assert.ok(scores.laboratory.int8_accuracy > 0.95);
      assert.ok(scores.field.int8_accuracy > 0.88);
    });
  }

  it('have the conditions of the simulator as their labels, in the same order', () => {
    assert.deepEqual(readFileSync(`${models}/labels.txt`, 'utf8').split('\n'), [...conditions, '']);
  });
});

describe('The conformance set', () => {
  const index = readJson<Index>(`${conformance}/index.json`);

  it('holds the bytes that its index names, and no other files', () => {
    for (const entry of index.models) {
      assert.equal(digestOf(`${conformance}/${entry.model}`), entry.model_sha256, entry.model);
      assert.equal(digestOf(`${conformance}/${entry.bin}`), entry.bin_sha256, entry.bin);
    }
    const named = index.models.flatMap(({ model, bin }) => [model, bin]);
    assert.deepEqual(readdirSync(conformance).sort(), ['index.json', ...named].sort());
  });

  it('has the demo model of today', () => {
    const entry = index.models.find(({ name }) => name === 'vibration_v1');
    assert.equal(entry?.model_sha256, digestOf(`${models}/vibration-v1.tflite`));
  });
});

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

function digestOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
