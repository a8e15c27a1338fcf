import { concentrationFor, logEValueAbove } from './beta-binomial.js';

/**
 * Whether one device is certainly worse off with the challenger. The device asks this of its own evidence, and
 * the operator of each device's, by the same formula. Of each block at most one unit of evidence counts, however
 * many windows of it were lost: losses come in bursts. Under "wins are as likely as losses" the evidence reaches
 * 16 N / alpha with a chance of at most alpha / (16 N), so that of N devices, over all blocks and over served ones
 * alone, none is named wrongly with 1 - alpha / 8.
 */

/** What a device counted over one block of windows that both releases answered. */
export interface ComparedBlock {
  /** Windows on which only the rollout's champion was right, whichever of the two served. */
  readonly onlyChampionRight: number;
  readonly onlyChallengerRight: number;
  readonly windows: number;
  /** Windows on which the two differ and no true label has come. For naming they count as won. */
  readonly unlabelled: number;
  /** 1 where the challenger served, 0 where it was in the shadow. */
  readonly served: 0 | 1;
}

/** What the signed policy says about naming. */
export interface NamingTerms {
  /** Devices of the rollout, fixed at its start. */
  readonly devices: number;
  readonly alpha: number;
  /** A device that loses less than this is not named, however certain the loss is; a share of windows. */
  readonly deviceMargin: number;
}

/**
 * The least k such that the first k blocks name the device: all of them, or those alone in which the challenger
 * served, since an equal shadow dilutes what is lost later. Undefined where none does.
 *
 * @param blocks in the order in which they began
 */
export function namedAt(blocks: readonly ComparedBlock[], terms: NamingTerms): number | undefined {
  const all = new Tally();
  const served = new Tally();
  const limit = namingLimit(terms);
  for (const [i, block] of blocks.entries()) {
    all.add(block);
    if (block.served === 1) served.add(block);
    if (all.names(terms.deviceMargin, limit) || served.names(terms.deviceMargin, limit)) {
      return i + 1;
    }
  }
  return undefined;
}

/** Whether the first blocks that could name anybody are so many: each with a loss, and none with a win. */
export function fewestBlocksToName(terms: NamingTerms): number {
  const limit = namingLimit(terms);
  let blocks = 1;
  while (logOdds(blocks, 0) < limit) blocks++;
  return blocks;
}

function namingLimit({ devices, alpha }: NamingTerms): number {
  return Math.log((16 * devices) / alpha);
}

/** Evidence of blocks, one unit each, and the loss over all their windows. */
class Tally {
  #lost = 0;
  #won = 0;
  #losses = 0;
  #windows = 0;

  add({ onlyChampionRight, onlyChallengerRight, windows, unlabelled }: ComparedBlock): void {
    const won = onlyChallengerRight + unlabelled;
    const unit = Math.max(1, onlyChampionRight + won);
    this.#lost += onlyChampionRight / unit;
    this.#won += won / unit;
    this.#losses += onlyChampionRight - won;
    this.#windows += windows;
  }

  names(margin: number, limit: number): boolean {
    return (
      this.#losses > margin * this.#windows &&
      mostLogOdds(this.#lost, this.#won) >= limit &&
      logOdds(this.#lost, this.#won) >= limit
    );
  }
}

/** The log e-value against "a loss is no likelier than a win". */
function logOdds(lost: number, won: number): number {
  return logEValueAbove({ successes: lost, n: lost + won }, 0.5, concentrationFor(20, 0.05));
}

/** What {@link logOdds} cannot exceed, for a fraction of its cost: the likelihood ratio at the observed share. */
function mostLogOdds(lost: number, won: number): number {
  const n = lost + won;
  const part = (x: number): number => (x === 0 ? 0 : x * Math.log((2 * x) / n));
  return part(lost) + part(won);
}
