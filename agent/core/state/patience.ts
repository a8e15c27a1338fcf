/** The longest pause between two tries: as often as that the log says that something is still waited for. */
const longestPauseMs = 30_000;

/**
 * The pause after the nth try to read or load what may be whole and cannot be had now: a second longer each time, up
 * to half a minute. Whoever waits so, waits for as long as it takes.
 */
export function patienceMs(attempt: number): number {
  return Math.min(longestPauseMs, attempt * 1_000);
}
