import { crc32 } from 'node:zlib';
import type { Message } from '../../agent/ports/transport.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import type { Checker, RunEnd, Finding } from './checker.js';

/** So many of the last answers of a device are remembered. */
const remembered = 64;

/**
 * Each completed window is answered once, or counted as dropped: none is lost without a word, and none has two answers. A
 * message that comes twice says the same (MQTT 5, 4.3.2).
 */
export function createWindowsChecker(): Checker {
  /** Checksums of answers by boot and window, by device. */
  const answers = new Map<string, Map<string, number>>();
  return {
    name: 'windows',
    kind: 'safety',
    device(deviceId, event) {
      if (event.kind === 'swapped') answers.delete(deviceId);
      if (event.kind !== 'published' || event.result === undefined) return undefined;
      const known = answers.get(deviceId) ?? new Map<string, number>();
      answers.set(deviceId, known);
      return check(known, event.message, event.result);
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

function check(
  known: Map<string, number>,
  { payload }: Message,
  { boot, window }: ResultMessage,
): string | undefined {
  const name = `${boot}/${window}`;
  const sum = crc32(payload);
  const before = known.get(name);
  if (before !== undefined && before !== sum)
    return `window ${window} of boot ${boot} has two answers`;
  known.set(name, sum);
  const [oldest] = known.size > remembered ? known.keys() : [];
  if (oldest !== undefined) known.delete(oldest);
  return undefined;
}
