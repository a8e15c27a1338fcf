import type { Disagreement } from '../../../../protocol/messages/disagreements.js';
import type { OpenBlock } from './block-tally.js';

/** So many windows are kept for labels that may come days later. */
export const ledgerEntries = 1_024;

/** A window on which the two differ. */
export interface LedgerEntry extends Disagreement {
  /** Counts compared windows of the comparison, from 1: neighbours have neighbouring numbers. */
  readonly index: number;
  /** The block that it was counted into; undefined where there was no room for one, or it was dropped. */
  readonly block: OpenBlock | undefined;
  /** The true label, once it came: it counts once. */
  truth: string | undefined;
  /** Whether it was published, so that somebody could be asked. */
  told: boolean;
}

/** A number for each window of each start. */
export interface WindowName {
  readonly boot: number;
  readonly window: number;
}

/**
 * The windows on which champion and challenger differ: who was right is worth asking only of these. Bounded: the oldest that
 * has its label goes first, then the oldest at all, which then stays without a label for good.
 */
export class DisagreementLedger {
  /** In the order in which they came. */
  readonly #entries = new Map<string, LedgerEntry>();

  get entries(): readonly LedgerEntry[] {
    return [...this.#entries.values()];
  }

  add(entry: LedgerEntry): void {
    this.#entries.set(keyOf(entry), entry);
    if (this.#entries.size <= ledgerEntries) return;
    const [oldest] = this.#entries;
    const labelled = [...this.#entries].find(([, { truth }]) => truth !== undefined);
    const gone = labelled ?? oldest;
    if (gone !== undefined) this.#entries.delete(gone[0]);
  }

  /** What has no label yet is told once more. */
  tellAgain(): void {
    for (const entry of this.#entries.values()) entry.told &&= entry.truth !== undefined;
  }

  find(name: WindowName): LedgerEntry | undefined {
    return this.#entries.get(keyOf(name));
  }

  /** The entry with this number, where it is kept. */
  findByIndex(index: number): LedgerEntry | undefined {
    for (const entry of this.#entries.values()) if (entry.index === index) return entry;
    return undefined;
  }
}

function keyOf({ boot, window }: WindowName): string {
  return `${boot}/${window}`;
}
