/**
 * The two clocks of a device. They make different promises and are never mixed:
 * durations, deadlines and timers use the monotonic one, validity and records the wall clock.
 */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back; may stop while the machine sleeps. */
  monotonicMs(): number;
  /** Milliseconds since the epoch as this machine believes; may jump either way, may be wrong at boot. */
  wallMs(): number;
}
