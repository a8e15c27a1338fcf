import { schedule, validate } from 'node-cron';
import { CodedError } from '../../protocol/coded-error.js';
import type { Scheduler } from '../ports/scheduler.js';

/** Longer delays overflow the timer of Node and would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/** The scheduler port on Node's timers and node-cron. */
export function createCronScheduler(): Scheduler {
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
    cron(expression, wake) {
      checkSchedule(expression);
      const task = schedule(expression, () => {
        wake();
      });
      return () => {
        void task.destroy();
      };
    },
  };
}

/** Throws `schedule-invalid` for what is no cron expression. */
export function checkSchedule(expression: string): void {
  if (validate(expression)) return;
  throw new CodedError('schedule-invalid', `${JSON.stringify(expression)} is no schedule`);
}
