import type { ComparisonName, Standing } from '../../../../protocol/assignment/comparison.js';
import type { EvidenceTerms } from '../../../../protocol/documents/policy.js';
import type { Disagreement, GivenAnswer } from '../../../../protocol/messages/disagreements.js';
import type {
  ChallengerService,
  Evidence,
  EvidenceTotals,
} from '../../../../protocol/messages/evidence.js';
import { accept, refuse, type Result } from '../../../../protocol/result.js';
import { blocksInOrder } from '../../../../protocol/statistics/block-order.js';
import { namedAt } from '../../../../protocol/statistics/harmed-device.js';
import { BlockTally, type BlockTallyState, type Difference, type Role } from './block-tally.js';
import { DisagreementLedger, type LedgerEntry, type WindowName } from './disagreement-ledger.js';
import { LateSpells, neverLate, type LateState } from './late-spells.js';
import { correlationPermille, noLosses, type LossSums } from './loss-correlation.js';

/** What a comparison has come to, for its file. */
export interface TallyState {
  readonly name: ComparisonName;
  readonly life: Uint8Array;
  readonly revision: number;
  /** By what it judges itself, as the signed policy said when the comparison began. */
  readonly terms: EvidenceTerms;
  /** Whether its own blocks have named it as worse off: for good. */
  readonly named: boolean;
  readonly totals: EvidenceTotals;
  readonly blocks: BlockTallyState;
  readonly late: LateState;
  readonly losses: LossSums;
  readonly service: ChallengerService;
}

/** A window that both releases were asked about, in the roles of the rollout, whichever served. */
export interface ComparedWindow extends WindowName {
  /** Milliseconds since the epoch. */
  readonly t: number;
  /** Undefined where there was no answer: late, or a trap. */
  readonly champion: GivenAnswer | undefined;
  readonly challenger: GivenAnswer | undefined;
}

const noAnswer: GivenAnswer = { label: undefined, scorePermille: undefined };

const noTotals: EvidenceTotals = {
  windows: 0,
  onlyChampionRight: 0,
  onlyChallengerRight: 0,
  disagreements: 0,
  unlabelled: 0,
  labelled: 0,
};

/**
 * All that a device finds out in one comparison (evidence rules, 1). Windows on which both say the same lose nothing,
 * whatever the truth; the others wait in the ledger for their label, which may come days later. Pure: whoever owns it writes it
 * down and publishes it.
 */
export class ComparisonTally {
  readonly ledger = new DisagreementLedger();
  readonly #name: ComparisonName;
  readonly #life: Uint8Array;
  readonly #terms: EvidenceTerms;
  readonly #blocks: BlockTally;
  readonly #late: LateSpells;
  #totals: EvidenceTotals;
  #losses: LossSums;
  #service: ChallengerService;
  #revision: number;
  #named: boolean;
  #changed = false;

  private constructor(state: TallyState) {
    this.#name = state.name;
    this.#life = state.life;
    this.#terms = state.terms;
    this.#named = state.named;
    this.#blocks = new BlockTally(state.terms, state.blocks);
    this.#late = new LateSpells(state.late);
    this.#totals = state.totals;
    this.#losses = state.losses;
    this.#service = state.service;
    this.#revision = state.revision;
  }

  /** A comparison that begins. @param life eight random bytes */
  static begin(name: ComparisonName, life: Uint8Array, terms: EvidenceTerms): ComparisonTally {
    const nothing = { blocks: [], full: false };
    return new ComparisonTally({
      name,
      life,
      revision: 0,
      terms,
      named: false,
      totals: noTotals,
      blocks: { shadow: nothing, served: nothing, open: undefined },
      late: neverLate,
      losses: noLosses,
      service: { serving: false, reports: 0 },
    });
  }

  /** One that goes on. @param entries of its ledger, with the places of their blocks */
  static resume(
    state: TallyState,
    entries: readonly (Omit<LedgerEntry, 'block'> & {
      readonly place: Parameters<BlockTally['at']>[0];
    })[],
  ): ComparisonTally {
    const tally = new ComparisonTally(state);
    for (const { place, ...entry } of entries) {
      tally.ledger.add({ ...entry, block: tally.#blocks.at(place) });
    }
    return tally;
  }

  get name(): ComparisonName {
    return this.#name;
  }

  get state(): TallyState {
    return {
      name: this.#name,
      life: this.#life,
      revision: this.#revision,
      terms: this.#terms,
      named: this.#named,
      totals: this.#totals,
      blocks: this.#blocks.state,
      late: this.#late.state,
      losses: this.#losses,
      service: this.#service,
    };
  }

  /** Where the block of an entry stands, for the file. */
  placeOf({ block }: LedgerEntry): ReturnType<BlockTally['placeOf']> {
    return this.#blocks.placeOf(block);
  }

  /** What decides on which side of the comparison the device stands. */
  get standing(): Standing {
    return { named: this.#named, blocks: this.#blocks.shadowBlocks, turns: this.#blocks.turns };
  }

  /**
   * Whether the device is certainly worse off with the challenger, by its own blocks (evidence rules, 3.1). Once found it
   * holds, also where a late label would have it otherwise.
   */
  isNamed(): boolean {
    if (this.#named) return true;
    const { devices, alphaPermille, deviceMarginPermille } = this.#terms;
    const { windows, onlyChampionRight } = this.#totals;
    const deviceMargin = deviceMarginPermille / 1000;
    if (onlyChampionRight === 0 || windows === 0) return false;
    const { shadow, served } = this.#blocks.blocks;
    const blocks = blocksInOrder(shadow.blocks, served.blocks);
    const at = namedAt(blocks, { devices, alpha: alphaPermille / 1000, deviceMargin });
    this.#named = at !== undefined;
    this.#changed ||= this.#named;
    return this.#named;
  }

  /** Whether blocks of this role are wanted no more. */
  isFull(role: Role): boolean {
    return this.#blocks.isFull(role);
  }

  /** Counts a window. Gives its entry where the two differ. */
  compared(role: Role, window: ComparedWindow): LedgerEntry | undefined {
    const { champion, challenger } = window;
    const differs =
      champion === undefined || challenger === undefined || champion.label !== challenger.label;
    this.#changed = true;
    this.#late.compared();
    const block = this.#blocks.add(role, differs ? 'unlabelled' : undefined);
    this.#count({ windows: 1, ...(differs && { disagreements: 1, unlabelled: 1 }) });
    this.#losses = { ...this.#losses, windows: this.#losses.windows + 1 };
    if (!differs) return undefined;
    const entry: LedgerEntry = {
      boot: window.boot,
      window: window.window,
      t: window.t,
      champion: champion ?? noAnswer,
      challenger: challenger ?? noAnswer,
      index: this.#totals.windows,
      block,
      truth: undefined,
      told: false,
    };
    this.ledger.add(entry);
    return entry;
  }

  /** A window got no answer from what serves: a difference that no label decides. */
  missed(role: Role): void {
    this.#changed = true;
    this.#blocks.add(role, 'unlabelled');
    this.#count({ windows: 1, disagreements: 1, unlabelled: 1 });
    this.#losses = { ...this.#losses, windows: this.#losses.windows + 1 };
  }

  /** One of the two did not answer in time. */
  late(side: 'champion' | 'challenger'): void {
    this.#late.late(side);
  }

  /** The true label of a window on which both said the same. */
  labelledAgreeing(): void {
    this.#changed = true;
    this.#count({ labelled: 1 });
  }

  /**
   * The true label of a window on which they differ, of whichever start. Refuses with `label-window-unknown`,
   * `label-repeated` and `label-contradictory`. Whether the label is a class at all is for the caller to know.
   */
  labelled(name: WindowName, truth: string): Result<void> {
    const entry = this.ledger.find(name);
    if (entry === undefined) {
      return refuse('label-window-unknown', `window ${name.window} of start ${name.boot}`);
    }
    if (entry.truth === truth) return refuse('label-repeated', `window ${name.window}`);
    if (entry.truth !== undefined) {
      return refuse(
        'label-contradictory',
        `window ${name.window} of start ${name.boot} is ${JSON.stringify(entry.truth)} already, not ${JSON.stringify(truth)}`,
      );
    }
    entry.truth = truth;
    this.#changed = true;
    const right = differenceOf(entry);
    this.#count({ labelled: 1, unlabelled: -1, ...(right !== undefined && { [right]: 1 }) });
    if (entry.block !== undefined) {
      entry.block.unlabelled--;
      if (right !== undefined) entry.block[right]++;
    }
    this.#addLoss(entry);
    return accept(undefined);
  }

  /** A report goes out: what was late since the last one is a spell, or none. */
  reported(serving: boolean): void {
    this.#late.reported();
    const reports = serving ? this.#service.reports + 1 : this.#service.reports;
    this.#changed ||= serving || this.#service.serving !== serving;
    this.#service = { serving, reports };
  }

  /** The next revision, where anything has changed since the last; then it is to be written down, and published. */
  revise(): boolean {
    if (!this.#changed) return false;
    this.#changed = false;
    this.#revision++;
    return true;
  }

  /** What is to be said of the comparison from outside of it has changed. */
  touch(): void {
    this.#changed = true;
  }

  /** What is published. */
  evidence(said: Pick<Evidence, 'deviceId' | 'slot' | 'aside' | 'drift'>): Evidence {
    const { shadow, served } = this.#blocks.blocks;
    const { reports, onlyChampion, onlyChallenger } = this.#late.state;
    return {
      ...said,
      ...this.#name,
      life: this.#life,
      revision: this.#revision,
      blockWindows: this.#terms.blockWindows,
      totals: this.#totals,
      shadow,
      served,
      // In turns neighbours are alike because the same one answers.
      correlation:
        this.#terms.turnWindows === undefined ? correlationPermille(this.#losses) : undefined,
      late: { reports, onlyChampion, onlyChallenger },
      service: this.#service,
    };
  }

  #count(change: Partial<EvidenceTotals>): void {
    const add = (key: keyof EvidenceTotals): number => this.#totals[key] + (change[key] ?? 0);
    this.#totals = {
      windows: add('windows'),
      onlyChampionRight: add('onlyChampionRight'),
      onlyChallengerRight: add('onlyChallengerRight'),
      disagreements: add('disagreements'),
      unlabelled: add('unlabelled'),
      labelled: add('labelled'),
    };
  }

  #addLoss(entry: LedgerEntry): void {
    const loss = lossOf(entry);
    if (loss === 0) return;
    const neighbours = [entry.index - 1, entry.index + 1].map((index) => {
      const neighbour = this.ledger.findByIndex(index);
      return neighbour === undefined ? 0 : lossOf(neighbour);
    });
    const { windows, losses, squares, products } = this.#losses;
    this.#losses = {
      windows,
      losses: losses + loss,
      squares: squares + 1,
      products: products + neighbours.reduce<number>((sum, other) => sum + loss * other, 0),
    };
  }
}

/** Who was right, once the truth is known; undefined where neither was. */
function differenceOf({
  champion,
  challenger,
  truth,
}: Pick<LedgerEntry, keyof Disagreement | 'truth'>): Exclude<Difference, 'unlabelled'> | undefined {
  if (champion.label === truth) return 'onlyChampionRight';
  if (challenger.label === truth) return 'onlyChallengerRight';
  return undefined;
}

function lossOf(entry: LedgerEntry): -1 | 0 | 1 {
  if (entry.truth === undefined) return 0;
  switch (differenceOf(entry)) {
    case 'onlyChampionRight':
      return 1;
    case 'onlyChallengerRight':
      return -1;
    case undefined:
      return 0;
  }
}
