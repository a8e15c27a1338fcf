import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { Prng } from '../../../simulator/prng.js';
import { channels } from '../../../simulator/signals/accelerometer.js';
import { conditions, type Condition } from '../../../simulator/signals/condition.js';
import { environments, type EnvironmentName } from '../../../simulator/signals/environment.js';
import { VibrationSignal } from '../../../simulator/signals/vibration-signal.js';

/** Made by the Python twin: simulator/demo/training/fixtures.py. */
interface Fixture {
  readonly seed: number;
  readonly frames: number;
  readonly signals: readonly {
    readonly environment: EnvironmentName;
    readonly condition: Condition;
    readonly key: number;
    readonly first: readonly number[];
    readonly last: readonly number[];
    readonly rootMeanSquare: number;
  }[];
}

const fixture = JSON.parse(readFileSync('test/fixtures/signals/vibration.json', 'utf8')) as Fixture;

describe('VibrationSignal', () => {
  for (const expected of fixture.signals) {
    const { environment, condition, key } = expected;

    it(`gives the samples of the Python twin: ${condition} in the ${environment}`, () => {
      const prng = Prng.fromSeed(fixture.seed).fork(key);
      const samples = take(
        new VibrationSignal(environments[environment], condition, prng),
        fixture.frames,
      );
      assertClose(samples.subarray(0, expected.first.length), expected.first);
      assertClose(samples.subarray(-expected.last.length), expected.last);
      assertClose([rootMeanSquare(samples)], [expected.rootMeanSquare]);
    });
  }

  it('gives the same signal however it is cut into windows', () => {
    const whole = take(signalOf('looseness'), 600);
    const signal = signalOf('looseness');
    const pieces = [1, 63, 200, 336].flatMap((count) => [...take(signal, count)]);
    assert.deepEqual([...whole], pieces);
  });

  it('takes nothing from the generator it is given', () => {
    const prng = Prng.fromSeed(5);
    take(new VibrationSignal(environments.field, 'looseness', prng), 1000);
    assert.equal(prng.uint32(), Prng.fromSeed(5).uint32());
  });

  it('vibrates more from the frame on at which the machine falls ill', () => {
    for (const condition of conditions.filter((name) => name !== 'normal')) {
      const signals = Array.from({ length: 8 }, (_, key) => signalOf('normal', key));
      const healthy = strengthOf(signals);
      for (const signal of signals) signal.condition = condition;
      assert.ok(strengthOf(signals) > 2 * healthy, condition);
      for (const signal of signals) signal.condition = 'normal';
      strengthOf(signals); // the housing rings on for a while
      assert.ok(strengthOf(signals) < 1.1 * healthy, `${condition}, mended`);
    }
  });

  it('stays within full scale and on the steps of a 12-bit sensor', () => {
    const loud = { ...environments.field, gain: [40, 40] } as const;
    const samples = take(new VibrationSignal(loud, 'bearing-fault', Prng.fromSeed(3)), 1600);
    assert.equal(Math.max(...samples.map(Math.abs)), 8);
    for (const sample of samples) assert.ok(Number.isInteger(sample * 256));
  });

  it('is as strong after half an hour as at the start', () => {
    const signal = signalOf('bearing-fault');
    const first = deviation(take(signal, 16_000));
    const tenSeconds = new Float32Array(channels * 16_000);
    for (let i = 0; i < 200; i++) signal.next(tenSeconds);
    const late = deviation(take(signal, 16_000));
    assert.ok(Math.abs(late - first) < 0.1 * first);
  });

  it('refuses an array that holds no whole number of frames', () => {
    assert.throws(() => {
      signalOf('normal').next(new Float32Array(4));
    }, /no whole frames/);
  });
});

function signalOf(condition: Condition, key = 0): VibrationSignal {
  return new VibrationSignal(environments.laboratory, condition, Prng.fromSeed(11).fork(key));
}

/** How much machines vibrate on average during the next second. */
function strengthOf(signals: readonly VibrationSignal[]): number {
  const strengths = signals.map((signal) => deviation(take(signal, 1600)));
  return strengths.reduce((a, b) => a + b, 0) / strengths.length;
}

function take(signal: VibrationSignal, count: number): Float32Array {
  const frames = new Float32Array(channels * count);
  signal.next(frames);
  return frames;
}

function rootMeanSquare(samples: ArrayLike<number>): number {
  return Math.sqrt(Array.from(samples, (x) => x * x).reduce((a, b) => a + b, 0) / samples.length);
}

/** Root mean square after the mean of each channel is taken away: vibration without gravity. */
function deviation(samples: Float32Array): number {
  const perChannel = [0, 1, 2].map((channel) => {
    const values = samples.filter((_, index) => index % channels === channel);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return rootMeanSquare(values.map((value) => value - mean));
  });
  return Math.hypot(...perChannel);
}

function assertClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, index) => {
    const found = actual[index] ?? NaN;
    assert.ok(Math.abs(found - value) < 1e-5, `element ${index}: ${found} instead of ${value}`);
  });
}
