/**
 * The last point on the way from `start`, where the condition holds, to `end`, where it does not: to a
 * 2^-100th of the way, or what else is asked for, or as near as doubles get. The condition is not asked at either end. The result is on
 * the side of `start`, so a bound found from outside errs outwards.
 */
export function lastWhere(
  holds: (point: number) => boolean,
  start: number,
  end: number,
  halvings = 100,
): number {
  let held = start;
  let failed = end;
  for (let halving = 0; halving < halvings; halving++) {
    const middle = held + (failed - held) / 2;
    if (middle === held || middle === failed) break;
    if (holds(middle)) held = middle;
    else failed = middle;
  }
  return held;
}
