import process from 'node:process';
import { isatty } from 'node:tty';
import type { Log, LogLevel } from '../../ports/log.js';
import { createJsonFormat } from './json-line.js';
import { createLineLog } from './line-log.js';
import { LineQueue } from './line-queue.js';
import { createStandardErrorSink } from './standard-error-sink.js';
import { createTerminalFormat } from './terminal-line.js';

/** Lines that may wait for a full disk, or for a reader that stands still. */
const waitingBytes = 262_144;

/** The log of this process. */
export interface ProcessLog extends Log {
  /** Waits until everything is written, but no longer than so many milliseconds. */
  flush(timeoutMs: number): Promise<void>;
}

/**
 * The log on standard error: lines for people on a terminal, JSON otherwise; standard output is for results.
 * Nobody ever waits for it, and no error of it ends anything. Warnings of Node.js itself, which would be written
 * past it, become events too.
 */
export function createStandardErrorLog(deviceId: string, level: LogLevel): ProcessLog {
  const format = isatty(2) ? createTerminalFormat() : createJsonFormat(deviceId);
  const lines = new LineQueue({
    sink: createStandardErrorSink(),
    limitBytes: waitingBytes,
    droppedLine: (count) => format('warn', 'log-lines-dropped', { count }),
  });
  const log = createLineLog({ level, format, lines });
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => {
    log.warn('runtime-warning', { name, message });
  });
  return Object.assign(log, { flush: (timeoutMs: number) => lines.flush(timeoutMs) });
}
