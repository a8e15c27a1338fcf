import { CronSchedule } from '../../agent/adapters/schedule/cron-schedule.js';
import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { createSystemClock } from '../../agent/adapters/system-clock.js';
import type { Clock } from '../../agent/ports/clock.js';
import type { Schedule, Scheduler } from '../../agent/ports/scheduler.js';

/** A schedule with longer periods is spread over no more than this, as for one device. */
const longestSpreadMs = 15 * 60_000;

/**
 * A scheduler for thousands of devices of one process: those with the same cron expression share one task, which looks
 * at the clock for all of them. Each wakes after its own share of the period.
 */
export function createSharedCronScheduler(clock: Clock = createSystemClock()): Scheduler {
  const scheduler = createCronScheduler(clock);
  const groups = new Map<string, Group>();
  return {
    after: (delayMs, wake) => scheduler.after(delayMs, wake),
    cron(schedule, wake) {
      const name = `${schedule.expression} ${schedule.timezone}`;
      const group = groups.get(name) ?? new Group(schedule, scheduler, clock);
      groups.set(name, group);
      const leave = group.join({ share: schedule.share ?? 0, wake });
      return () => {
        if (leave() === 0) groups.delete(name);
      };
    },
  };
}

interface Member {
  readonly share: number;
  readonly wake: () => void;
}

/** All devices with one cron expression. */
class Group {
  readonly #members = new Map<Member, () => void>();
  readonly #scheduler: Scheduler;
  readonly #end: () => void;

  constructor({ expression, timezone }: Schedule, scheduler: Scheduler, clock: Clock) {
    this.#scheduler = scheduler;
    const instants = new CronSchedule({ expression, timezone });
    const end = scheduler.cron({ expression, timezone }, () => {
      const nowMs = clock.wallMs();
      const untilMs = nowMs + longestSpreadMs;
      this.#due((instants.next(nowMs, untilMs) ?? untilMs) - nowMs);
    });
    this.#end = () => {
      end();
      instants.close();
    };
  }

  /** Gives the way to leave, which says how many are left. */
  join(member: Member): () => number {
    this.#members.set(member, () => undefined);
    return () => {
      this.#members.get(member)?.();
      const wasThere = this.#members.delete(member);
      if (wasThere && this.#members.size === 0) this.#end();
      return this.#members.size;
    };
  }

  #due(periodMs: number): void {
    for (const member of this.#members.keys()) {
      this.#members.set(member, this.#scheduler.after(member.share * periodMs, member.wake));
    }
  }
}
