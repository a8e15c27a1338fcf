import assert from 'node:assert/strict';
import { channels } from '../../simulator/signals/accelerometer.js';
import { environments, type EnvironmentName } from '../../simulator/signals/environment.js';
import { demoVersions, readReference, readReport, type Moments } from './demo-documents.js';
import { DemoRelease } from './demo-release.js';
import { judge, type Judgement } from './judgement.js';
import { record, type RecordedWindow } from './recording.js';

/** The test sets of simulator/demo/training/train.py. */
const machines = 4000;
const windowsEach = 2;
const seeds: Readonly<Record<EnvironmentName, number>> = { laboratory: 900_000, field: 900_001 };

/**
 * Signals in TypeScript and the core in Rust against signals in Python and TensorFlow Lite Micro: not about
 * as good, but the same counts on the same windows.
 */
describe('The reports and references of the demo models', function () {
  // Tens of thousands of inferences, on a machine that may have other things to do.
  this.timeout(300_000);

  for (const place of ['laboratory', 'field'] as const) {
    describe(`in the ${place}`, () => {
      let windows: readonly RecordedWindow[] = [];
      before(() => {
        windows = record(environments[place], { machines, windowsEach, seed: seeds[place] });
      });
      after(() => {
        windows = [];
      });

      for (const version of demoVersions) {
        const reference = readReference(version);

        it(`are reproduced to the last count: ${version}`, async () => {
          const judgement = await judge(await DemoRelease.load(version), windows);
          assert.deepEqual(judgement.confusion, readReport(version).scores[place].confusion);
          if (reference.environment !== place) return;
          assert.deepEqual(histogramOf(judgement), reference.confidence_histogram);
          assert.equal(rounded(meanOf(judgement.confidences)), reference.mean_confidence);
          const moments = reference.channels.map((_, channel) => momentsOf(windows, channel));
          assert.deepEqual(moments, reference.channels);
        });
      }
    });
  }
});

function histogramOf({ confidences }: Judgement): number[] {
  const bins = Array.from({ length: 10 }, () => 0);
  for (const confidence of confidences) {
    const bin = Math.min(bins.length - 1, Math.floor(confidence * bins.length));
    bins[bin] = (bins[bin] ?? NaN) + 1;
  }
  return bins;
}

/** Samples are multiples of 1/256 g, so both sums are exact, in whatever order they are made. */
function momentsOf(windows: readonly RecordedWindow[], channel: number): Moments {
  let n = 0;
  let sum = 0;
  let squares = 0;
  let min = Infinity;
  let max = -Infinity;
  for (const { samples } of windows) {
    for (let i = channel; i < samples.length; i += channels) {
      const sample = samples[i] ?? NaN;
      n++;
      sum += sample;
      squares += sample * sample;
      min = Math.min(min, sample);
      max = Math.max(max, sample);
    }
  }
  const mean = sum / n;
  return {
    n,
    mean: rounded(mean),
    variance: rounded(squares / n - mean ** 2),
    min: rounded(min),
    max: rounded(max),
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** To six significant digits, as in the references. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
