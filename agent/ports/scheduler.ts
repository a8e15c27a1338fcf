/** Wakes the device: once after a delay, or again and again on a cron schedule. */
export interface Scheduler {
  /**
   * Calls `wake` once, no earlier than `delayMs` of monotonic time from now. Returns a function that
   * cancels it; cancelling twice, or after the call, does nothing.
   */
  after(delayMs: number, wake: () => void): () => void;
  /**
   * Calls `wake` at every instant of the cron expression (five or six fields, local time). Returns a
   * function that ends it. Throws a CodedError `schedule-invalid` for an expression that is none.
   */
  cron(expression: string, wake: () => void): () => void;
}
