import type { PlanTerms } from './plan-terms.js';

/** What a block of windows may come to: its loss in the worst and in the best case, and how likely that is. */
export interface BlockOutcome {
  /** Windows lost less windows won, those without a label counted as lost. */
  readonly worst: number;
  /** The same with those counted as won. */
  readonly best: number;
  readonly chance: number;
}

/**
 * All outcomes of a block where the challenger has so many more of 100 windows wrong, the likeliest first. Windows are
 * taken to be independent of each other. Where the champion is wrong on P of them and the challenger on P + x, they
 * differ on 2 P + x at most; on what they differ and neither wins, both are wrong.
 *
 * @param effect more wrong answers of the challenger, a share of windows
 */
export function blockOutcomes(
  { error, disagreement, labelled, blockWindows }: PlanTerms,
  effect: number,
): readonly BlockOutcome[] {
  const differ = Math.min(1, Math.max(disagreement, effect), 2 * error + effect);
  const won = Math.max(0, Math.min((differ - effect) / 2, error));
  const lost = won + effect;
  const kinds = [
    { shift: 1, isKnown: true, chance: lost * labelled },
    { shift: -1, isKnown: true, chance: won * labelled },
    { shift: 0, isKnown: false, chance: differ * (1 - labelled) },
  ];
  const none = 1 - kinds.reduce((sum, { chance }) => sum + chance, 0);
  /** Chances by the sum of known losses, and by the windows without a label. */
  let outcomes = new Map<string, { sum: number; unknown: number; chance: number }>([
    ['0/0', { sum: 0, unknown: 0, chance: 1 }],
  ]);
  for (let window = 0; window < blockWindows; window++) {
    const next: typeof outcomes = new Map();
    const add = (sum: number, unknown: number, chance: number): void => {
      if (chance <= 0) return;
      const key = `${sum}/${unknown}`;
      next.set(key, { sum, unknown, chance: chance + (next.get(key)?.chance ?? 0) });
    };
    for (const { sum, unknown, chance } of outcomes.values()) {
      add(sum, unknown, chance * none);
      for (const kind of kinds) {
        add(sum + kind.shift, unknown + (kind.isKnown ? 0 : 1), chance * kind.chance);
      }
    }
    outcomes = next;
  }
  return [...outcomes.values()]
    .map(({ sum, unknown, chance }) => ({ worst: sum + unknown, best: sum - unknown, chance }))
    .sort((a, b) => b.chance - a.chance || a.worst - b.worst || a.best - b.best);
}
