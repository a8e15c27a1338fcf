import type { LateReports } from '../../../../protocol/messages/evidence.js';

type Side = 'champion' | 'challenger';

/** What is counted, and which side alone was late in the last report: a spell goes on in the next one. */
export interface LateState extends LateReports {
  readonly last: Side | undefined;
}

export const neverLate: LateState = {
  reports: 0,
  onlyChampion: 0,
  onlyChallenger: 0,
  last: undefined,
};

/**
 * Counts spells of reports in which only one of the two had a late answer. A report in which both were late cancels: the
 * gateway was busy. Reports that follow each other with the same side late are one spell, because lateness comes in bursts.
 */
export class LateSpells {
  #state: LateState;
  #compared = false;
  readonly #late = new Set<Side>();

  constructor(before: LateState = neverLate) {
    this.#state = before;
  }

  get state(): LateState {
    return this.#state;
  }

  /** Both were asked in this report. */
  compared(): void {
    this.#compared = true;
  }

  late(side: Side): void {
    this.#compared = true;
    this.#late.add(side);
  }

  /** A report is over. */
  reported(): void {
    if (!this.#compared) return;
    const [side, other] = this.#late;
    const last = other === undefined ? side : undefined;
    const isNew = last !== undefined && last !== this.#state.last;
    const { reports, onlyChampion, onlyChallenger } = this.#state;
    this.#state = {
      reports: reports + 1,
      onlyChampion: onlyChampion + (isNew && last === 'champion' ? 1 : 0),
      onlyChallenger: onlyChallenger + (isNew && last === 'challenger' ? 1 : 0),
      last,
    };
    this.#compared = false;
    this.#late.clear();
  }
}
