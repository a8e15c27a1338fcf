/** When something is due again and again. */
export interface Schedule {
  /** A cron expression of five or six fields. */
  readonly expression: string;
  /** The time zone that it is meant in, an IANA name. */
  readonly timezone: string;
  /**
   * How much later than each instant, as a share in [0, 1) of the time to the next one, or of a quarter of an hour where
   * that is longer; 0 where it is left out. It spreads a fleet that has one schedule.
   */
  readonly share?: number;
}

/** Wakes the device: once after a delay, or again and again on a cron schedule. */
export interface Scheduler {
  /**
   * Calls `wake` once, no earlier than `delayMs` of monotonic time from now. Returns a function that
   * cancels it; cancelling twice, or after the call, does nothing.
   */
  after(delayMs: number, wake: () => void): () => void;
  /**
   * Calls `wake` for every instant of the schedule, later by its share. A step of the wall clock of at most a minute skips no instant
   * and repeats none; after a longer one the next instant by the new time counts, and what lies between
   * is left out. Returns a function that ends it. Throws a CodedError `schedule-invalid` for an
   * expression that is none.
   */
  cron(schedule: Schedule, wake: () => void): () => void;
}
