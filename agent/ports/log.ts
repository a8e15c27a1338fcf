/** How much a log event matters; a log leaves out what is below the level that it was given. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Where log events go. Event names are stable: tests and operators may rely on them. A call never waits, and
 * never fails: what cannot be written is dropped and counted.
 */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** Lines that were dropped since the start. */
  readonly droppedLines: number;
}
