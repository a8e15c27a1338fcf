import { performance, PerformanceObserver } from 'node:perf_hooks';
import { ChangeDetector } from '../../agent/core/drift/change-detector.js';
import { Commissioning, type Bounds } from '../../agent/core/drift/commissioning.js';
import { WindowNumbers } from '../../agent/core/drift/window-numbers.js';
import { Prng } from '../../simulator/prng.js';
import { conditions } from '../../simulator/signals/condition.js';
import { environments, type EnvironmentName } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import type { Campaign } from './campaign.js';
import { changes, type Change } from './drift-changes.js';

const devices = 48;
const windowFrames = 256;
const windowMs = 160;
/** Longer than the slowest swing of a machine's speed. */
const cycleWindows = 500;
/** Windows of a device that is not changed. */
const healthyWindows = 2_500;
const healthyBefore = 100;
const longestDelay = 2_000;
const runLength = 100_000;
const wave = { windows: 2_000, share: 0.02, devices: 24 } as const;

const faults = conditions.filter((condition) => condition !== 'normal');

/** A device whose windows come one after the other. */
class WatchedDevice {
  readonly numbers = new WindowNumbers({ channels: 3, scale: [-8, 8] });
  readonly signal: VibrationSignal;
  readonly #window = new Float32Array(3 * windowFrames);
  #windows = 0;

  constructor(environment: EnvironmentName, prng: Prng) {
    this.signal = new VibrationSignal(environments[environment], 'normal', prng);
  }

  next(change?: (window: Float32Array) => void): Float64Array {
    this.signal.next(this.#window);
    change?.(this.#window);
    this.#windows++;
    this.numbers.compute(this.#window);
    return this.numbers.values;
  }

  /** Learns over so many windows what is normal, with the rows that it has learned from. */
  commission(
    windows: number,
    change?: (window: Float32Array) => void,
  ): { readonly bounds: readonly Bounds[]; readonly rows: readonly (readonly number[])[] } {
    const commissioning = new Commissioning(windows * windowMs, this.numbers.count);
    const rows: number[][] = [];
    while (!commissioning.isOver) {
      rows.push([...this.next(change)]);
      commissioning.add(this.numbers.values, this.#windows * windowMs);
    }
    return { bounds: commissioning.bounds((number) => this.numbers.leastWidth(number)), rows };
  }
}

/** `npm run proof -- drift`: run lengths and delays on the simulator's signals. */
export const driftCampaign: Campaign = {
  name: 'drift',
  claim:
    'Devices in the field whose input has not changed give no more alarms than promised, and what has changed is found within windows, not hours.',
  run(seed, progress) {
    const figures: string[] = [];
    const bad: string[] = [];
    const root = Prng.fromSeed(seed);

    progress('healthy devices');
    const healthy = watchHealthy(root.fork(1));
    figures.push(
      `healthy: ${healthy.alarms} alarms in ${healthy.windows} windows of ${devices} field devices (A = ${runLength}, cycle of ${cycleWindows} windows); outside three standard deviations: ${percent(healthy.beyond / healthy.windows)} of the windows`,
      `with the bounds of a laboratory: alarms on ${healthy.byLaboratory} of ${devices} healthy field devices`,
    );
    // At most 1.2 are expected; more than five by chance once in a thousand times.
    if (healthy.alarms > 5) bad.push(`${healthy.alarms} false alarms`);

    for (const asked of [1_000, 5_000]) {
      for (const kind of ['independent', 'identical'] as const) {
        progress(`run length ${asked}, ${kind}`);
        const measured = runLengthAtTheEdge(asked, kind, root.fork(asked));
        figures.push(
          `mean run length where each of seven ${kind} numbers is outside on a tenth of the windows: ${Math.round(measured.mean)} for A = ${asked} (${measured.runs} runs, standard error ${Math.round(measured.error)})`,
        );
        if (measured.mean + 3 * measured.error < asked) bad.push(`run length below ${asked}`);
      }
    }

    for (const [i, change] of changes.entries()) {
      progress(change.name);
      const delays = delaysOf(change, root.fork(10 + i));
      const found = delays.filter((delay) => delay !== undefined).sort((a, b) => a - b);
      const at = (q: number): string => String(found[Math.floor(q * found.length)] ?? 'never');
      figures.push(
        `${change.name}: found on ${found.length} of ${devices}, after ${at(0.5)} windows (median; nine tenths of them within ${at(0.9)})`,
      );
      if (found.length < change.leastFound * devices || Number(at(0.5)) > change.mostWindows) {
        bad.push(`${change.name}: ${found.length} found, median ${at(0.5)}`);
      }
    }

    for (const learned of [wave.windows / 10, wave.windows]) {
      progress(`cycle, learned over ${learned} windows`);
      const alarmed = alarmsOfWave(learned, root.fork(5));
      figures.push(
        `a wave of ${percent(wave.share)} in the gain over ${wave.windows} windows, learned over ${learned} of them: alarms on ${alarmed} of ${wave.devices} devices in two cycles`,
      );
      if (learned === wave.windows && alarmed > 0) bad.push(`${alarmed} alarms over a whole cycle`);
    }

    const cost = costOfWindow(root.fork(6));
    figures.push(
      `cost of a window of ${windowFrames} x 3: ${cost.watchUs.toFixed(2)} us while watching, ${cost.learnUs.toFixed(2)} us while learning; collections of garbage in ${cost.windows} windows: ${cost.collections}`,
    );
    return Promise.resolve({ figures, bad });
  },
};

function watchHealthy(prng: Prng): {
  readonly windows: number;
  readonly alarms: number;
  readonly beyond: number;
  readonly byLaboratory: number;
} {
  const laboratory = new WatchedDevice('laboratory', prng.fork(0)).commission(cycleWindows).bounds;
  let [alarms, beyond, byLaboratory] = [0, 0, 0];
  for (let i = 1; i <= devices; i++) {
    const device = new WatchedDevice('field', prng.fork(i));
    const { bounds, rows } = device.commission(cycleWindows);
    const ranges = bounds.map((_, number) => threeSigma(rows.map((row) => row[number] ?? 0)));
    const [detector, foreign] = [new ChangeDetector(bounds), new ChangeDetector(laboratory)];
    let [alarmed, foreignAlarmed] = [false, false];
    for (let window = 0; window < healthyWindows; window++) {
      const numbers = device.next();
      detector.add(numbers);
      foreign.add(numbers);
      alarmed ||= detector.won >= runLength;
      foreignAlarmed ||= foreign.won >= runLength;
      if (
        ranges.some(({ low, high }, n) => !((numbers[n] ?? 0) >= low && (numbers[n] ?? 0) <= high))
      ) {
        beyond++;
      }
    }
    if (alarmed) alarms++;
    if (foreignAlarmed) byLaboratory++;
  }
  return { windows: devices * healthyWindows, alarms, beyond, byLaboratory };
}

function threeSigma(values: readonly number[]): Bounds {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { low: mean - 3 * Math.sqrt(variance), high: mean + 3 * Math.sqrt(variance) };
}

function runLengthAtTheEdge(
  asked: number,
  kind: 'independent' | 'identical',
  prng: Prng,
): { readonly mean: number; readonly error: number; readonly runs: number } {
  const runs = 400;
  const bounds = Array.from({ length: 7 }, () => ({ low: 0.1, high: 1 }));
  const numbers = new Float64Array(7);
  let [sum, squares] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const detector = new ChangeDetector(bounds);
    let windows = 0;
    do {
      const drawn = prng.uniform(0, 1);
      for (let i = 0; i < 7; i++) numbers[i] = kind === 'identical' ? drawn : prng.uniform(0, 1);
      detector.add(numbers);
      windows++;
    } while (detector.won < asked);
    sum += windows;
    squares += windows ** 2;
  }
  const mean = sum / runs;
  return { mean, error: Math.sqrt((squares / runs - mean ** 2) / runs), runs };
}

/** Windows from the change to the alarm; undefined where it was not found in time. */
function delaysOf({ apply }: Change, prng: Prng): readonly (number | undefined)[] {
  return Array.from({ length: devices }, (_, i) => {
    const device = new WatchedDevice('field', prng.fork(i));
    const detector = new ChangeDetector(device.commission(cycleWindows).bounds);
    for (let window = 0; window < healthyBefore; window++) detector.add(device.next());
    const change = apply({
      signal: device.signal,
      fault: faults[i % faults.length] ?? 'imbalance',
      prng: prng.fork(1_000 + i),
    });
    for (let window = 1; window <= longestDelay; window++) {
      detector.add(device.next(change));
      if (detector.won >= runLength) return window;
    }
    return undefined;
  });
}

function alarmsOfWave(learned: number, prng: Prng): number {
  let alarmed = 0;
  for (let i = 0; i < wave.devices; i++) {
    const device = new WatchedDevice('field', prng.fork(i));
    let windows = 0;
    const breathe = (window: Float32Array): void => {
      const gain = 1 + wave.share * Math.sin((2 * Math.PI * windows++) / wave.windows);
      for (let at = 0; at < window.length; at++) window[at] = (window[at] ?? 0) * gain;
    };
    const detector = new ChangeDetector(device.commission(learned, breathe).bounds);
    for (let window = 0; window < 2 * wave.windows; window++) {
      detector.add(device.next(breathe));
      if (detector.won < runLength) continue;
      alarmed++;
      break;
    }
  }
  return alarmed;
}

function costOfWindow(prng: Prng): {
  readonly windows: number;
  readonly watchUs: number;
  readonly learnUs: number;
  readonly collections: number;
} {
  const windows = 200_000;
  const window = new Float32Array(3 * windowFrames);
  new VibrationSignal(environments.field, 'normal', prng).next(window);
  const numbers = new WindowNumbers({ channels: 3, scale: [-8, 8] });
  const detector = new ChangeDetector(
    Array.from({ length: numbers.count }, () => ({ low: -1, high: 1 })),
  );
  const commissioning = new Commissioning(windows * windowMs, numbers.count);
  const learn = (i: number): void => {
    numbers.compute(window);
    commissioning.add(numbers.values, i * windowMs);
  };
  const watch = (): void => {
    numbers.compute(window);
    detector.add(numbers.values);
    if (detector.won > Number.MAX_VALUE) throw new Error('no account is so large');
  };
  // Until the engine has compiled both.
  for (let i = 0; i < 20_000; i++) {
    learn(i);
    watch();
  }
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ['gc'] });
  const timeOf = (take: (i: number) => void): number => {
    const began = performance.now();
    for (let i = 0; i < windows; i++) take(20_000 + i);
    return ((performance.now() - began) * 1_000) / windows;
  };
  const [learnUs, watchUs] = [timeOf(learn), timeOf(watch)];
  collections += observer.takeRecords().length;
  observer.disconnect();
  return { windows: 2 * windows, watchUs, learnUs, collections };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
