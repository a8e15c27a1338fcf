import type { Board, PowerTerms } from './board.js';

/** Joules of an inference: active power, for as long as it takes. */
export function inferenceJoules({ activeW }: PowerTerms, latencyUs: number): number {
  return (activeW * latencyUs) / 1e6;
}

/** Joules of the radio, for bytes that were sent or received. */
export function radioJoules({ radioJPerBit }: Pick<Board, 'radioJPerBit'>, bytes: number): number {
  return 8 * bytes * radioJPerBit;
}

/**
 * Joules of a span of time besides inferences and radio. The device is awake for its duty cycle, in which its inferences
 * find room, and else asleep; where they need more than that, it is awake for them alone.
 *
 * @param inferenceMs how long it computed inferences in the span: {@link inferenceJoules} counts these
 */
export function idleJoules(
  { activeW, sleepW, dutyCycle }: PowerTerms,
  spanMs: number,
  inferenceMs: number,
): number {
  const awakeMs = Math.max(0, dutyCycle * spanMs - inferenceMs);
  const asleepMs = Math.max(0, spanMs - inferenceMs - awakeMs);
  return (activeW * awakeMs + sleepW * asleepMs) / 1_000;
}
