import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';

import { conditions } from '../../simulator/signals/condition.js';
import { demoModels, demoVersions, readReference, readReport } from './demo-documents.js';
import { accuracyOf, answersOf } from './judgement.js';

const conformance = 'test/conformance';

/** The part of the pipeline that a reference depends on. */
interface Pipeline {
  readonly window: { readonly frames: number; readonly channels: number };
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
  for (const version of demoVersions) {
    const report = readReport(version);
    const reference = readReference(version);
    const model = `${demoModels}/vibration-${version}.tflite`;

    it(`are those that their reports and references speak of: ${version}`, () => {
      for (const document of [report, reference]) {
        assert.equal(document.name, `vibration-${version}`);
        assert.equal(document.model_sha256, digestOf(model));
      }
      assert.equal(report.model_bytes, statSync(model).size);
    });

    it(`are small enough for the demo: ${version}`, () => {
      assert.ok(report.macs <= 200_000);
      assert.ok(report.model_bytes <= 60_000);
    });

    it(`have reports whose numbers agree with each other: ${version}`, () => {
      const { laboratory_machines, field_machines } = report.recipe;
      assert.equal(report.training_windows, laboratory_machines + field_machines);
      for (const score of Object.values(report.scores)) {
        assert.equal(sum(score.confusion.flat()), score.windows);
        // Reports round to four digits.
        assert.ok(Math.abs(accuracyOf(score) - score.int8_accuracy) <= 0.00005);
      }
    });

    it(`have references whose numbers agree with the reports: ${version}`, () => {
      const score = report.scores[reference.environment];
      assert.equal(reference.environment, 'laboratory');
      assert.equal(reference.windows, score.windows);
      assert.deepEqual(Object.keys(reference.answers), [...conditions]);
      assert.deepEqual(Object.values(reference.answers), answersOf(score));
      const { confidence_histogram: histogram, mean_confidence: mean } = reference;
      assert.equal(histogram.length, 10);
      assert.equal(sum(histogram), reference.windows);
      const least = sum(histogram.map((count, bin) => (count * bin) / 10)) / reference.windows;
      assert.ok(mean >= least && mean <= least + 0.1);
      const pipeline = readJson<Pipeline>(`${demoModels}/pipeline.json`);
      assert.equal(reference.channels.length, pipeline.window.channels);
      for (const channel of reference.channels) {
        assert.equal(channel.n, reference.windows * pipeline.window.frames);
        assert.ok(channel.min <= channel.mean && channel.mean <= channel.max);
        assert.ok(channel.variance > 0);
      }
    });

    it(`have the accuracies that their README tells: ${version}`, () => {
      const { laboratory, field } = report.scores;
      const cells = [laboratory, field].map(({ int8_accuracy }) => percent(int8_accuracy));
      const readme = readFileSync(`${demoModels}/README.md`, 'utf8');
      const row = new RegExp(`^\\| ${version} \\|.*\\| ${cells.join(' \\| ')} \\|$`, 'm');
      assert.match(readme, row);
    });
  }

  it('are a step forward with v2, and a trap with v3', () => {
    const [v1, v2, v3] = demoVersions.map((version) => readReport(version).scores);
    assert.ok(v1 !== undefined && v2 !== undefined && v3 !== undefined);
    assert.ok(v1.laboratory.int8_accuracy > 0.95 && v1.field.int8_accuracy > 0.88);
    assert.ok(v2.laboratory.int8_accuracy > v1.laboratory.int8_accuracy);
    assert.ok(v2.field.int8_accuracy > v1.field.int8_accuracy);
    assert.ok(v3.laboratory.int8_accuracy > v2.laboratory.int8_accuracy);
    assert.ok(v3.field.int8_accuracy < v2.field.int8_accuracy - 0.05);
    // No straw man either: far above chance, which is 25 %.
    assert.ok(v3.field.int8_accuracy > 0.6);
  });

  it('have the conditions of the simulator as their labels, in the same order', () => {
    assert.deepEqual(readFileSync(`${demoModels}/labels.txt`, 'utf8').split('\n'), [
      ...conditions,
      '',
    ]);
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
    // The folder of the set for each operator and type has an index of its own.
    const found = readdirSync(conformance).filter((name) => name !== 'operators');
    assert.deepEqual(found.sort(), ['index.json', ...named].sort());
  });

  it('has the demo model of today', () => {
    const entry = index.models.find(({ name }) => name === 'vibration_v1');
    assert.equal(entry?.model_sha256, digestOf(`${demoModels}/vibration-v1.tflite`));
  });
});

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

function digestOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
