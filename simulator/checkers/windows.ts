import { crc32 } from 'node:zlib';
import type { Checker, RunEnd, Finding } from './checker.js';

/** So many of the last answers of a device are remembered. */
const remembered = 64;

/**
 * Each completed window is answered once, or counted as dropped: none is lost without a word, and none has two answers. A
 * message that comes twice says the same (MQTT 5, 4.3.2).
 */
export function createWindowsChecker(): Checker {
  const answers = new Map<string, Answers>();
  return {
    name: 'windows',
    kind: 'safety',
    device(deviceId, event) {
      if (event.kind === 'swapped') answers.delete(deviceId);
      if (event.kind !== 'published' || event.result === undefined) return undefined;
      const { boot, window } = event.result;
      let known = answers.get(deviceId);
      if (known?.boot !== boot) {
        known = { boot, windows: new Int32Array(remembered), sums: new Int32Array(remembered) };
        answers.set(deviceId, known);
      }
      return check(known, window, crc32(event.message.payload));
    },
    *end({ devices }: RunEnd): Iterable<Finding> {
      for (const { deviceId, windows } of devices) {
        if (windows.lost === 0) continue;
        yield {
          device: deviceId,
          text: `${windows.lost} windows were neither answered nor dropped`,
        };
      }
    },
  };
}

/** The last answers of a device since its start, each at the place that its number names. */
interface Answers {
  readonly boot: number;
  readonly windows: Int32Array;
  /** Checksums. */
  readonly sums: Int32Array;
}

function check({ boot, windows, sums }: Answers, window: number, crc: number): string | undefined {
  const at = window % remembered;
  const sum = crc | 0;
  if (windows[at] === window && sums[at] !== sum)
    return `window ${window} of boot ${boot} has two answers`;
  windows[at] = window;
  sums[at] = sum;
  return undefined;
}
