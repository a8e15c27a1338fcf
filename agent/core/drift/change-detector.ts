import type { Bounds } from './commissioning.js';

/** What is staked on a number being outside, each with an account of its own. */
const bets = [0.1, 0.25, 0.5, 0.9] as const;

/** A number may be outside of its bounds on so large a share of the windows. */
const toleratedShare = 0.1;

/** Beyond any run length that can be asked for; a larger account says no more. */
const mostWon = 1e15;

/**
 * An e-detector (sum of e-values since each possible beginning of a change): M becomes (M + 1) times what the bet on
 * this window pays. Where the chance to be outside is at most a tenth at each window, given all that was before, the
 * mean number of windows until the mean account reaches A is at least A, whatever depends on what. Four doubles for
 * each number; a window allocates nothing.
 */
export class ChangeDetector {
  /** The accounts, four for each number. */
  readonly accounts: Float64Array;
  readonly #bounds: readonly Bounds[];

  /** @param accounts those of an earlier run, as many as there are numbers and bets */
  constructor(bounds: readonly Bounds[], accounts?: Float64Array) {
    this.#bounds = bounds;
    this.accounts = accounts ?? new Float64Array(bets.length * bounds.length);
  }

  /** Takes the numbers of a window. What is no number is outside. */
  add(numbers: Float64Array): void {
    // Plain loops: iterators would allocate in each window.
    for (let at = 0; at < this.accounts.length; at++) {
      const number = Math.floor(at / bets.length);
      const bounds = this.#bounds[number];
      const value = numbers[number] ?? NaN;
      const isInside = bounds !== undefined && value >= bounds.low && value <= bounds.high;
      const stake = bets[at % bets.length] ?? 0;
      const factor = 1 + (stake / toleratedShare) * ((isInside ? 0 : 1) - toleratedShare);
      this.accounts[at] = Math.min(mostWon, ((this.accounts[at] ?? 0) + 1) * factor);
    }
  }

  /** The mean account over numbers and bets. */
  get won(): number {
    let sum = 0;
    for (let at = 0; at < this.accounts.length; at++) sum += this.accounts[at] ?? 0;
    return sum / this.accounts.length;
  }

  /** The number whose mean account is the greatest. */
  get mostChanged(): number {
    let [most, greatest] = [0, -1];
    for (const number of this.#bounds.keys()) {
      let sum = 0;
      for (const bet of bets.keys()) sum += this.accounts[bets.length * number + bet] ?? 0;
      if (sum > greatest) [most, greatest] = [number, sum];
    }
    return most;
  }
}

/** Accounts of each number. */
export const accountsOfNumber = bets.length;
