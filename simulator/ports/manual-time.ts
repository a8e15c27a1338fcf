import type { Clock } from '../../agent/ports/clock.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';

/** A scheduler of one device, which can end with it. */
export interface DeviceScheduler extends Scheduler {
  /** Forgets every wake-up, as a device does that loses its power. */
  stop(): void;
}

interface WakeUp {
  readonly dueMs: number;
  /** Orders wake-ups that are due at the same instant. */
  readonly order: number;
  readonly wake: () => void;
}

/** Cron expressions are not read here: with a field for seconds they are due once a second, else once a minute. */
function cronPeriodOf(expression: string): number {
  return expression.split(' ').length === 6 ? 1_000 : 60_000;
}

/**
 * Time that passes only when it is told to: the clock and the scheduler ports of any number of devices.
 *
 * Wake-ups come in the order of their instants, and those of one instant in the order in which they were
 * asked for. Between two of them everything that was set off is carried through, as far as it needs no
 * more time, so that a run is the same on a fast machine and on a slow one.
 */
export class ManualTime implements Clock {
  readonly #startWallMs: number;
  readonly #wakeUps = new Set<WakeUp>();
  #nowMs = 0;
  #wallOffsetMs = 0;
  #nextOrder = 0;

  /** @param startWallMs what the wall clocks show at first, in milliseconds since the epoch */
  constructor(startWallMs: number) {
    this.#startWallMs = startWallMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#startWallMs + this.#nowMs + this.#wallOffsetMs;
  }

  /** Lets the wall clock jump, as when a device learns the time; the monotonic one goes on. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Makes the scheduler of one device. */
  createScheduler(): DeviceScheduler {
    const mine = new Set<WakeUp>();
    const after = (delayMs: number, wake: () => void): (() => void) => {
      const wakeUp = {
        dueMs: this.#nowMs + Math.max(0, delayMs),
        order: this.#nextOrder++,
        wake: () => {
          mine.delete(wakeUp);
          wake();
        },
      };
      mine.add(wakeUp);
      this.#wakeUps.add(wakeUp);
      return () => {
        mine.delete(wakeUp);
        this.#wakeUps.delete(wakeUp);
      };
    };
    return {
      after,
      cron({ expression, share = 0 }, wake) {
        const periodMs = cronPeriodOf(expression);
        let cancel = (): void => undefined;
        const again = (delayMs: number): void => {
          cancel = after(delayMs, () => {
            again(periodMs);
            wake();
          });
        };
        again((1 + share) * periodMs);
        return () => {
          cancel();
        };
      },
      stop: () => {
        for (const wakeUp of mine) this.#wakeUps.delete(wakeUp);
        mine.clear();
      },
    };
  }

  /** Carries everything through that needs no more time. */
  async settle(): Promise<void> {
    // Ports in memory answer in microtasks, and all of those run before the next turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets so much time pass, one wake-up after the other. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    await this.settle();
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#wakeUps.delete(next);
      this.#nowMs = next.dueMs;
      next.wake();
      await this.settle();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number): WakeUp | undefined {
    let next: WakeUp | undefined;
    for (const wakeUp of this.#wakeUps) {
      if (wakeUp.dueMs > untilMs) continue;
      const earlier =
        next === undefined ||
        wakeUp.dueMs < next.dueMs ||
        (wakeUp.dueMs === next.dueMs && wakeUp.order < next.order);
      if (earlier) next = wakeUp;
    }
    return next;
  }
}
