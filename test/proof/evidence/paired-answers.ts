import type { Prng } from '../../../simulator/prng.js';
import type { EvidenceBlock } from '../../../operator/verdict/evidence.js';

/** How two models answer a window: chances that only the one was right. */
export interface Odds {
  readonly onlyChampionRight: number;
  readonly onlyChallengerRight: number;
  /** Windows on which they differ, and no label comes, beside those. */
  readonly unlabelled?: number;
}

/** Models that disagree on a share of windows, where the challenger loses so much more than it wins. */
export function oddsOf(loss: number, disagreement = 0.1): Odds {
  const differ = Math.max(disagreement, Math.abs(loss));
  return { onlyChampionRight: (differ + loss) / 2, onlyChallengerRight: (differ - loss) / 2 };
}

/** Models that are wrong on a share of windows each; half of what the better one has wrong, the other has wrong too. */
export function oddsOfErrors(champion: number, challenger: number): Odds {
  const worse = Math.min(1, Math.max(0, challenger));
  const shared = Math.max(Math.min(champion, worse) / 2, champion + worse - 1);
  return { onlyChampionRight: worse - shared, onlyChallengerRight: champion - shared };
}

/**
 * A device's windows, one after the other. With a chance of `correlation` a window repeats the one before, which
 * makes that the correlation of neighbours and leaves the odds as they are.
 */
export class PairedAnswers {
  readonly #prng: Prng;
  readonly #correlation: number;
  #last: keyof Odds | undefined;

  constructor(prng: Prng, correlation: number) {
    this.#prng = prng;
    this.#correlation = correlation;
  }

  /** The next block of so many windows. */
  block(odds: Odds, windows: number, policy: number, served: 0 | 1): EvidenceBlock {
    const counts = { onlyChampionRight: 0, onlyChallengerRight: 0, unlabelled: 0 };
    for (let i = 0; i < windows; i++) {
      if (!(this.#correlation > 0 && this.#prng.uniform(0, 1) < this.#correlation)) {
        this.#last = this.#draw(odds);
      }
      if (this.#last !== undefined) counts[this.#last]++;
    }
    // One literal: objects that are made by spreading are slow to read, and they are read at each look.
    const { onlyChampionRight, onlyChallengerRight, unlabelled } = counts;
    return { onlyChampionRight, onlyChallengerRight, windows, unlabelled, policy, served };
  }

  #draw({ onlyChampionRight, onlyChallengerRight, unlabelled = 0 }: Odds): keyof Odds | undefined {
    const chance = this.#prng.uniform(0, 1);
    if (chance < onlyChampionRight) return 'onlyChampionRight';
    if (chance < onlyChampionRight + onlyChallengerRight) return 'onlyChallengerRight';
    return chance < onlyChampionRight + onlyChallengerRight + unlabelled ? 'unlabelled' : undefined;
  }
}
