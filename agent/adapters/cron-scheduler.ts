import type { Clock } from '../ports/clock.js';
import type { Schedule, Scheduler } from '../ports/scheduler.js';
import { createSystemClock } from './system-clock.js';
import { CronSchedule } from './schedule/cron-schedule.js';

/** Longer delays overflow the timer of Node and would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/** How long a schedule waits before it looks at the wall clock again: so soon is a jump noticed. */
const longestStepMs = 2_000;

/** A smaller step of the wall clock skips no instant and repeats none. */
const smallStepMs = 60_000;

/** A schedule with longer periods is spread over no more than this. */
const longestSpreadMs = 15 * 60_000;

/** The scheduler port on Node's timers, which are monotonic. */
export function createCronScheduler(clock: Clock = createSystemClock()): Scheduler {
  return {
    after(delayMs, wake) {
      let timer: NodeJS.Timeout;
      const arm = (restMs: number): void => {
        const stepMs = Math.min(restMs, longestTimerMs);
        timer = setTimeout(() => {
          if (restMs > stepMs) arm(restMs - stepMs);
          else wake();
        }, stepMs);
      };
      arm(Math.max(0, delayMs));
      return () => {
        clearTimeout(timer);
      };
    },
    cron(schedule, wake) {
      const instants = new CronSchedule(schedule);
      // Everything up to here was looked at.
      let seenMs = clock.wallMs();
      let timer: NodeJS.Timeout;
      const later = new LaterWake(schedule, instants, wake);
      const arm = (): void => {
        const nowMs = clock.wallMs();
        const untilMs = nowMs + longestStepMs;
        const dueMs = instants.next(seenMs, untilMs) ?? untilMs;
        timer = setTimeout(look, dueMs - nowMs);
      };
      const look = (): void => {
        const nowMs = clock.wallMs();
        // The clock has jumped, or the machine stood still: what lies between was never a time to wake.
        if (Math.abs(nowMs - seenMs) > smallStepMs) seenMs = nowMs;
        const dueMs = instants.next(seenMs, nowMs);
        seenMs = Math.max(seenMs, nowMs);
        arm();
        if (dueMs !== undefined) later.due(dueMs, nowMs);
      };
      arm();
      return () => {
        clearTimeout(timer);
        later.end();
        instants.close();
      };
    },
  };
}

/** Wakes for an instant after the share of its period. */
class LaterWake {
  readonly #share: number;
  readonly #instants: CronSchedule;
  readonly #wake: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor({ share = 0 }: Schedule, instants: CronSchedule, wake: () => void) {
    this.#share = share;
    this.#instants = instants;
    this.#wake = wake;
  }

  due(dueMs: number, nowMs: number): void {
    const isWaiting = this.#timer !== undefined;
    this.end();
    // The clock has jumped: the one before would come after this one.
    if (isWaiting) this.#wake();
    const delayMs = this.#share === 0 ? 0 : this.#share * this.#periodMs(dueMs) - (nowMs - dueMs);
    if (delayMs <= 0) {
      this.#wake();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#wake();
    }, delayMs);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #periodMs(dueMs: number): number {
    const untilMs = dueMs + longestSpreadMs;
    return (this.#instants.next(dueMs, untilMs) ?? untilMs) - dueMs;
  }
}
