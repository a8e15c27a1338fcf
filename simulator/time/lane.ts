import type { Clock } from '../../agent/ports/clock.js';
import type { Schedule, Scheduler } from '../../agent/ports/scheduler.js';

/**
 * One device's, or the operator's, part of virtual time: a scheduler and a queue of what happens later at the same
 * instant. Lanes share nothing at one instant, so that their order within it changes nothing.
 */
export interface Lane extends Scheduler {
  readonly index: number;
  /** Does something later, at this instant, after all that was asked for before. */
  soon(task: () => void): void;
  /**
   * Something comes here from another lane, at an instant.
   *
   * @param from the index of the lane that sent it
   * @param count numbers what that lane has sent on this way
   */
  arrive(atMs: number, from: number, count: number, take: () => void): void;
  /** Forgets all that was asked for, as a device does that loses its power. What is asked for later counts. */
  stop(): void;
}

/** The wall clock of a device, which need not be right. The monotonic one is. */
export class LaneClock implements Clock {
  readonly #nowMs: () => number;
  readonly #startWallMs: number;
  #leadMs = 0;
  #driftPpm = 0;
  /** Since when it drifts so. */
  #driftFromMs = 0;

  constructor(nowMs: () => number, startWallMs: number) {
    this.#nowMs = nowMs;
    this.#startWallMs = startWallMs;
  }

  monotonicMs(): number {
    return this.#nowMs();
  }

  wallMs(): number {
    const nowMs = this.#nowMs();
    const driftMs = ((nowMs - this.#driftFromMs) * this.#driftPpm) / 1e6;
    return Math.floor(this.#startWallMs + nowMs + this.#leadMs + driftMs);
  }

  /** Lets the wall clock jump, not to before 1970, as systems do not either. Gives by how much it did. */
  jump(byMs: number): number {
    const jumpedMs = Math.max(byMs, -this.wallMs());
    this.#leadMs += jumpedMs;
    return jumpedMs;
  }

  /** Lets the wall clock gain so much from now on; what it has gained stays. */
  drift(ppm: number): void {
    const nowMs = this.#nowMs();
    this.#leadMs += ((nowMs - this.#driftFromMs) * this.#driftPpm) / 1e6;
    this.#driftFromMs = nowMs;
    this.#driftPpm = ppm;
  }
}

/** A schedule of virtual time: again and again after so many milliseconds, from when it is asked for. */
export function every(periodMs: number, share: number): Schedule {
  return { expression: `${everyWord} ${periodMs}`, timezone: 'UTC', share };
}

/**
 * How often a schedule is due, in milliseconds. Expressions of cron are not read in virtual time, only counted as each second or
 * each minute.
 */
export function periodOf({ expression }: Schedule): number {
  const fields = expression.split(' ');
  if (fields[0] === everyWord) return Number(fields[1]);
  return fields.length === 6 ? 1_000 : 60_000;
}

/** No expression of cron begins so with a number behind it. */
const everyWord = '@every';
