import type { Draft } from './draft.js';

export interface ShrinkTerms {
  /** All devices of the scenario. */
  readonly devices: readonly string[];
  /** The one that failed, if it was one. */
  readonly device: string | undefined;
  readonly durationMs: number;
  /** When it was seen to fail. */
  readonly failedMs: number;
  /** Whether a draft still fails in the same way. One that is no scenario any more does not. */
  readonly fails: (draft: Draft) => Promise<boolean>;
  /** Runs that may be spent on it. */
  readonly mostRuns: number;
}

/** A failing scenario with fewer devices, then fewer faults and other entries, then less time, which fails in the same way. */
export async function shrink(draft: Draft, terms: ShrinkTerms): Promise<Draft> {
  let left = terms.mostRuns;
  let best = draft;
  const attempt = async (smaller: Draft): Promise<boolean> => {
    if (left-- <= 0 || !(await terms.fails(smaller))) return false;
    best = smaller;
    return true;
  };
  await shrinkDevices(() => best, terms, attempt);
  for (const name of draft.swarm) await attempt(best.withoutSwarm(name));
  // Faults first, from the last to the first, so that the numbers of the others stay.
  for (const wantsFault of [true, false]) {
    for (let i = best.entries - 1; i >= 0; i--)
      if (best.isFault(i) === wantsFault) await attempt(best.withoutEntry(i));
  }
  let durationMs = terms.durationMs;
  while (await attempt(best.withDuration(durationMs / 2))) durationMs /= 2;
  if (terms.failedMs < durationMs) await attempt(best.withDuration(terms.failedMs + secondMs));
  return best;
}

const secondMs = 1_000;

async function shrinkDevices(
  best: () => Draft,
  { devices, device }: ShrinkTerms,
  attempt: (draft: Draft) => Promise<boolean>,
): Promise<void> {
  if (device !== undefined && (await attempt(best().withOnly([device])))) return;
  let kept = devices;
  // Halves, then quarters, and so on: a part that is not needed is left out.
  for (let parts = 2; parts <= kept.length;) {
    const size = Math.ceil(kept.length / parts);
    let isSmaller = false;
    for (let from = 0; from < kept.length; from += size) {
      const rest = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (rest.length === 0 || !(await attempt(best().withOnly(rest)))) continue;
      kept = rest;
      isSmaller = true;
      break;
    }
    if (isSmaller) parts = Math.max(2, parts - 1);
    else if (size === 1) return;
    else parts = Math.min(kept.length, 2 * parts);
  }
}
