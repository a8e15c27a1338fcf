import { limits } from '../../protocol/limits.js';
import type { Checker, Finding, RunEnd } from './checker.js';

/** No device takes more than its board has: of its disk, and of a packet. */
export function createResourcesChecker(): Checker {
  return {
    name: 'resources',
    kind: 'safety',
    device(_, event) {
      if (event.kind !== 'published') return undefined;
      const { topic, payload } = event.message;
      if (payload.length <= limits.packetBytes) return undefined;
      return `a message of ${payload.length} bytes on ${topic}`;
    },
    *end({ devices }: RunEnd): Iterable<Finding> {
      for (const { deviceId, storedBytes, storageBytes } of devices) {
        if (storedBytes > storageBytes)
          yield { device: deviceId, text: `holds ${storedBytes} bytes of ${storageBytes}` };
      }
    },
  };
}
