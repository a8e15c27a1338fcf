import { createJsonFormat } from '../../agent/adapters/log/json-line.js';
import { createLineLog } from '../../agent/adapters/log/line-log.js';
import { LineQueue } from '../../agent/adapters/log/line-queue.js';
import { createStandardErrorSink } from '../../agent/adapters/log/standard-error-sink.js';
import type { Log } from '../../agent/ports/log.js';

/** Lines that may wait for a reader that is slower than the fleet. */
const waitingBytes = 4_194_304;

/** What the devices of one process log, on standard error: a line of JSON each, with the id of the device. */
export interface DeviceLines {
  logOf(deviceId: string): Log;
  /** Waits until everything is written, but no longer than so many milliseconds. */
  flush(timeoutMs: number): Promise<void>;
}

export function createDeviceLines(): DeviceLines {
  const fleet = createJsonFormat('fleet');
  const lines = new LineQueue({
    sink: createStandardErrorSink(),
    limitBytes: waitingBytes,
    droppedLine: (count) => fleet('warn', 'log-lines-dropped', { count }),
  });
  return {
    logOf: (deviceId) =>
      createLineLog({ level: 'info', format: createJsonFormat(deviceId), lines }),
    flush: (timeoutMs) => lines.flush(timeoutMs),
  };
}
