import type { LogLevel } from '../../ports/log.js';
import type { FormatLine } from './line-log.js';

const colours: Readonly<Record<LogLevel, string>> = {
  debug: '\x1b[2m',
  info: '\x1b[32m',
  warn: '\x1b[33m',
  error: '\x1b[31m',
};
const plain = '\x1b[0m';

/** Whatever could move the cursor, change a colour or turn the direction of a text around. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Log events as a person reads them: time of day, level, event, and its fields in their order. */
export function createTerminalFormat(now: () => Date = () => new Date()): FormatLine {
  return (level, event, fields) => {
    const shown = Object.entries(fields)
      // A report carries its event among its fields too.
      .filter(([, value]) => value !== undefined && value !== event)
      .map(([name, value]) => `${printable(name)}=${show(value)}`);
    const time = now().toTimeString().slice(0, 8);
    const mark = `${colours[level]}${level.padEnd(5)}${plain}`;
    return [time, mark, printable(event), ...shown].join(' ');
  };
}

function show(value: unknown): string {
  const isWord = typeof value === 'string' && /^[\w.:/@-]+$/.test(value);
  return isWord ? value : printable(JSON.stringify(value) ?? String(value));
}

function printable(text: string): string {
  return text.replace(
    unprintable,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
