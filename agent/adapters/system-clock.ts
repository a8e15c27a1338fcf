import type { Clock } from '../ports/clock.js';

/** The clocks of this machine. */
export function createSystemClock(): Clock {
  return {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
  };
}
