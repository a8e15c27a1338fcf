import { setImmediate, setTimeout } from 'node:timers/promises';

/** How long an inference takes, in microseconds. */
export interface Latency {
  readonly minUs: number;
  readonly medianUs: number;
  readonly p99Us: number;
}

/** The engine compiles a function well only after it ran hot for a while, and in the background. */
const warmUpInvokes = 300;
const warmUpLimitMs = 2_000;
const settleMs = 300;

/** A sample is at least so long, so that the clock's own cost does not count. */
const leastSampleUs = 50;

/** Microseconds that have passed. */
export function wallUs(): number {
  return performance.now() * 1000;
}

/**
 * Measures functions that take turns, so that what slows the machine down slows all of them.
 *
 * @param options.nowUs the clock; {@link wallUs} where absent
 */
export async function measureLatencies(
  invokes: readonly (() => void)[],
  { samples = 300, limitMs = 10_000, nowUs = wallUs } = {},
): Promise<readonly Latency[]> {
  const takers: { invoke: () => void; repeats: number; samplesUs: number[] }[] = [];
  for (const invoke of invokes) {
    await warmUp(invoke);
    const repeats = Math.max(1, Math.ceil(leastSampleUs / timeUs(invoke, 10, nowUs)));
    takers.push({ invoke, repeats, samplesUs: [] });
  }
  const beganMs = performance.now();
  for (let i = 0; i < samples && performance.now() - beganMs < limitMs; i++) {
    for (const { invoke, repeats, samplesUs } of takers)
      samplesUs.push(timeUs(invoke, repeats, nowUs));
    // Whoever wants to end the program can.
    await setImmediate();
  }
  return takers.map(({ samplesUs }) => summarise(samplesUs));
}

async function warmUp(invoke: () => void): Promise<void> {
  const beganMs = performance.now();
  for (let i = 0; i < warmUpInvokes && performance.now() - beganMs < warmUpLimitMs; i++) invoke();
  await setTimeout(settleMs);
}

/** Microseconds of one call, as the mean of several in a row. */
function timeUs(invoke: () => void, repeats: number, nowUs: () => number): number {
  const beganUs = nowUs();
  for (let i = 0; i < repeats; i++) invoke();
  return (nowUs() - beganUs) / repeats;
}

function summarise(samplesUs: readonly number[]): Latency {
  const sorted = [...samplesUs].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * (sorted.length - 1))] ?? NaN;
  return { minUs: at(0), medianUs: at(0.5), p99Us: at(0.99) };
}
