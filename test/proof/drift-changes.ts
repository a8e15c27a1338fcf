import type { Prng } from '../../simulator/prng.js';
import type { Condition } from '../../simulator/signals/condition.js';
import type { VibrationSignal } from '../../simulator/signals/vibration-signal.js';

/** What can be changed of a device. */
interface Changed {
  readonly signal: VibrationSignal;
  /** What its machine may fall ill with. */
  readonly fault: Condition;
  readonly prng: Prng;
}

/** Something that changes the input of a device, and how it is to be found. */
export interface Change {
  readonly name: string;
  /** Begins it; gives what it does to each window from now on. */
  readonly apply: (changed: Changed) => (window: Float32Array) => void;
  /** The share of devices that must find it, and the windows that the median may take. */
  readonly leastFound: number;
  readonly mostWindows: number;
}

const rangeG = 8;

/** A change of each value by itself; the sensor clips. */
const values =
  (change: (value: number, channel: number) => number) =>
  (window: Float32Array): void => {
    for (let at = 0; at < window.length; at++) {
      const value = change(window[at] ?? 0, at % 3);
      window[at] = Math.max(-rangeG, Math.min(rangeG, value));
    }
  };

/** Turns the sensor in the plane of two channels. */
const turn =
  (first: number, second: number, degrees: number) =>
  (window: Float32Array): void => {
    const angle = (degrees * Math.PI) / 180;
    const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
    for (let at = 0; at < window.length; at += 3) {
      const [a, b] = [window[at + first] ?? 0, window[at + second] ?? 0];
      window[at + first] = a * cosine - b * sine;
      window[at + second] = a * sine + b * cosine;
    }
  };

export const changes: readonly Change[] = [
  {
    name: 'gain +10 %',
    apply: () => values((value) => 1.1 * value),
    leastFound: 0.95,
    mostWindows: 12,
  },
  { name: 'roll 10 degrees', apply: () => turn(0, 1, 10), leastFound: 0.95, mostWindows: 12 },
  { name: 'tilt 10 degrees', apply: () => turn(1, 2, 10), leastFound: 0.95, mostWindows: 12 },
  {
    name: 'offset 0.05 g on one channel',
    apply: () => values((value, channel) => (channel === 1 ? value + 0.05 : value)),
    leastFound: 0.95,
    mostWindows: 12,
  },
  {
    name: 'stuck',
    apply: () => {
      let last: Float32Array | undefined;
      return (window) => {
        last ??= window.slice(0, 3);
        for (let at = 0; at < window.length; at += 3) window.set(last, at);
      };
    },
    leastFound: 0.95,
    mostWindows: 12,
  },
  {
    name: 'machine falls ill',
    apply: ({ signal, fault }) => {
      signal.condition = fault;
      return () => undefined;
    },
    leastFound: 0.9,
    mostWindows: 12,
  },
  {
    name: 'gain +0.1 % a window',
    apply: () => {
      let windows = 0;
      return (window) => {
        const gain = 1 + 0.001 * ++windows;
        values((value) => gain * value)(window);
      };
    },
    leastFound: 0.95,
    mostWindows: 60,
  },
  {
    name: 'noise +0.03 g',
    apply: ({ prng }) => values((value) => value + 0.03 * prng.noise()),
    // Where the machine is louder than that, nobody can tell.
    leastFound: 0,
    mostWindows: Infinity,
  },
];
