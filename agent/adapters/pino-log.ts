import { destination, pino } from 'pino';
import type { Log } from '../ports/log.js';

type Fields = Readonly<Record<string, unknown>>;

/** Details quote what comes from outside; a line of the log stays one that a person can read. */
const textCharacters = 512;
const listItems = 16;
const nesting = 3;

/** Nothing of these names is ever meant for a log. */
const secretName = /password|secret|token|private|^(key|cert|pem)$/i;

/**
 * Log events as JSON lines on standard error; standard output is for results. Long texts are cut, bytes are
 * counted instead of shown, and what has the name of a secret is left out.
 *
 * @param output where the lines go instead
 */
export function createPinoLog(deviceId: string, output?: { write(line: string): void }): Log {
  const logger = pino(
    { base: { device: deviceId }, timestamp: () => `,"time":"${new Date().toISOString()}"` },
    output ?? destination({ dest: 2, sync: true }),
  );
  return {
    info: (event, fields) => {
      logger.info(presentable(fields ?? {}), event);
    },
    warn: (event, fields) => {
      logger.warn(presentable(fields ?? {}), event);
    },
    error: (event, fields) => {
      logger.error(presentable(fields ?? {}), event);
    },
  };
}

function presentable(fields: Fields, depth = 0): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      secretName.test(name) ? '[secret]' : shorten(value, depth),
    ]),
  );
}

function shorten(value: unknown, depth: number): unknown {
  if (typeof value === 'string') {
    return value.length > textCharacters ? `${value.slice(0, textCharacters)}…` : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Error) return shorten(value.message, depth);
  if (depth >= nesting) return '[…]';
  if (Array.isArray(value)) {
    return value.slice(0, listItems).map((item) => shorten(item, depth + 1));
  }
  return presentable(value as Fields, depth + 1);
}
