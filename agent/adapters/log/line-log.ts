import type { Log, LogFields, LogLevel } from '../../ports/log.js';

/** Makes the line of an event, without a line break. */
export type FormatLine = (level: LogLevel, event: string, fields: LogFields) => string;

export interface LineLogOptions {
  /** Events that matter less are left out. */
  readonly level: LogLevel;
  readonly format: FormatLine;
  /** Where lines go; `LineQueue` is the real place. */
  readonly lines: { write(line: string): void; readonly droppedLines: number };
}

const levels: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

/** Details quote what comes from outside; a line of the log stays one that a person can read. */
const textCharacters = 512;
const listItems = 16;
const nesting = 3;

/** Nothing of these names is ever meant for a log. */
const secretName = /password|secret|token|private|^(key|cert|pem)$/i;

/**
 * Log events as lines. Long texts are cut, bytes are counted instead of shown, and what has the name of a secret
 * is left out.
 */
export function createLineLog({ level, format, lines }: LineLogOptions): Log {
  const shown = levels.slice(0, levels.indexOf(level) + 1);
  const writer =
    (each: LogLevel) =>
    (event: string, fields: LogFields = {}): void => {
      if (shown.includes(each)) lines.write(format(each, event, presentable(fields)));
    };
  return {
    error: writer('error'),
    warn: writer('warn'),
    info: writer('info'),
    debug: writer('debug'),
    get droppedLines() {
      return lines.droppedLines;
    },
  };
}

function presentable(fields: LogFields, depth = 0): LogFields {
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
  return presentable(value as LogFields, depth + 1);
}
