import type { LateReports } from '../../../../protocol/messages/evidence.js';

type Side = 'champion' | 'challenger';

/** What is counted, and the spell that the last report was part of: it goes on in the next one. */
export interface LateState extends LateReports {
  readonly spell: LateSpell | undefined;
}

/** Reports that followed each other, in each of which this side alone was late. */
export interface LateSpell {
  readonly side: Side;
  readonly reports: number;
}

/** A spell that lasts counts again after so many reports: longer than a burst, it is a way of being. */
const spellReports = 10;

export const neverLate: LateState = {
  reports: 0,
  onlyChampion: 0,
  onlyChallenger: 0,
  spell: undefined,
};

/**
 * Counts spells of reports in which only one of the two had a late answer. A report in which both were late cancels: the
 * gateway was busy. Reports that follow each other with the same side late are one spell, because lateness comes in bursts; of
 * ten such reports one counts.
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
    const { reports, onlyChampion, onlyChallenger, spell: before } = this.#state;
    const spell =
      side === undefined || other !== undefined
        ? undefined
        : { side, reports: before?.side === side ? before.reports + 1 : 1 };
    const counts = spell !== undefined && spell.reports % spellReports === 1;
    this.#state = {
      reports: reports + 1,
      onlyChampion: onlyChampion + (counts && spell.side === 'champion' ? 1 : 0),
      onlyChallenger: onlyChallenger + (counts && spell.side === 'challenger' ? 1 : 0),
      spell,
    };
    this.#compared = false;
    this.#late.clear();
  }
}
