import { createTask, parse, validate, type ScheduledTask } from 'node-cron';
import { CodedError } from '../../../protocol/coded-error.js';
import type { Schedule } from '../../ports/scheduler.js';
import { LocalTime } from './local-time.js';

const secondMs = 1000;
const minuteMs = 60_000;

/** A larger step of local time is a change of the zone itself, not of the season (as in Vixie cron). */
const longestShiftMs = 3 * 3_600_000;

/**
 * A cron expression in a time zone, asked about a span of time: the work grows with the span and with nothing
 * else, however far the clock has jumped. node-cron reads the expression; its own timers and its search for the
 * next run are not used, since they walk every instant that a jump has missed and lose the hour that
 * comes twice.
 *
 * Summer time as in Vixie cron: an expression whose minute or hour begins with `*` follows the real time that
 * passes. One that names its hours comes once on each day: not again in the hour that comes twice, and at
 * once where its hour was left out.
 */
export class CronSchedule {
  readonly #task: ScheduledTask;
  readonly #local: LocalTime;
  readonly #seconds: readonly number[];
  readonly #namesHours: boolean;

  /** Throws `schedule-invalid` for what is no expression, and a RangeError for what is no time zone. */
  constructor({ expression, timezone }: Schedule) {
    checkSchedule(expression);
    this.#local = new LocalTime(timezone);
    // Local time is handed to it as if it were UTC.
    this.#task = createTask(expression, () => undefined, { timezone: 'UTC' });
    const { second, hour } = parse(expression);
    this.#seconds = second;
    const [, , , hours, minutes] = expression.trim().split(/\s+/).reverse();
    this.#namesHours =
      hour.length < 24 && hours?.startsWith('*') !== true && minutes?.startsWith('*') !== true;
  }

  /** The first instant after `afterMs` and not after `untilMs`, in milliseconds since the epoch. */
  next(afterMs: number, untilMs: number): number | undefined {
    let atMs = (Math.floor(afterMs / secondMs) + 1) * secondMs;
    // Zones change at whole minutes.
    let offsetMs = this.#local.offsetMs(atMs);
    for (; atMs <= untilMs; atMs += secondMs) {
      if (atMs % minuteMs === 0) {
        offsetMs = this.#local.offsetMs(atMs);
        if (this.#isDueLate(atMs, offsetMs)) return atMs;
      }
      if (this.#matches(atMs + offsetMs) && !this.#wasDueBefore(atMs, offsetMs)) return atMs;
    }
    return undefined;
  }

  /** Gives up what node-cron keeps of it. */
  close(): void {
    void this.#task.destroy();
  }

  #matches(localMs: number): boolean {
    const second = Math.floor(localMs / secondMs) % 60;
    return this.#seconds.includes(second) && this.#task.match(new Date(localMs));
  }

  /** Local clocks were put back: they have shown this time before. */
  #wasDueBefore(atMs: number, offsetMs: number): boolean {
    if (!this.#namesHours) return false;
    const shiftMs = this.#local.offsetMs(atMs - longestShiftMs) - offsetMs;
    return shiftMs > 0 && this.#local.offsetMs(atMs - shiftMs) === offsetMs + shiftMs;
  }

  /** Local clocks were put forward at this instant, over a time that is due. */
  #isDueLate(atMs: number, offsetMs: number): boolean {
    if (!this.#namesHours) return false;
    const beforeMs = this.#local.offsetMs(atMs - minuteMs);
    if (offsetMs <= beforeMs || offsetMs - beforeMs > longestShiftMs) return false;
    const [second = 0] = this.#seconds;
    for (let localMs = atMs + beforeMs; localMs < atMs + offsetMs; localMs += minuteMs) {
      if (this.#matches(localMs + second * secondMs)) return true;
    }
    return false;
  }
}

/** Throws `schedule-invalid` for what is no cron expression. */
export function checkSchedule(expression: string): void {
  if (validate(expression)) return;
  throw new CodedError('schedule-invalid', `${JSON.stringify(expression)} is no schedule`);
}
