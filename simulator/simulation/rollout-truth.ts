import { toHex } from '../../protocol/bytes.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import type { Disagreements } from '../../protocol/messages/disagreements.js';
import { parseEvidence } from '../../protocol/messages/evidence.js';

/**
 * What is true of the comparison of a rollout, beside what is concluded: on the windows that devices have compared, how many more
 * the challenger got wrong than the champion. Where both say the same there is nothing to lose, so that the windows on which
 * they differ say all.
 */
export class RolloutTruth {
  readonly #challenger: number;
  /** The last evidence of each device, read when somebody asks. */
  readonly #evidence = new Map<string, Uint8Array>();
  readonly #counted = new Set<string>();
  /** By device and life of its evidence. */
  readonly #lost = new Map<string, number>();

  /** @param challenger its sequence number */
  constructor(challenger: number) {
    this.#challenger = challenger;
  }

  /** A device says how many windows it has compared. */
  compared(deviceId: string, envelope: Uint8Array): void {
    // What is empty says that the comparison is over.
    if (envelope.length > 0) this.#evidence.set(deviceId, envelope);
  }

  /** A device names windows on which the two differ. @param truthOf what a window was; undefined where nobody knows */
  differed(
    { deviceId, life, entries }: Disagreements,
    truthOf: (window: Disagreements['entries'][number]) => string | undefined,
  ): void {
    const of = `${deviceId}/${toHex(life)}`;
    for (const entry of entries) {
      const { boot, window, champion, challenger } = entry;
      const truth = truthOf(entry);
      const name = `${of}/${boot}/${window}`;
      // It is named again after a start.
      if (truth === undefined || this.#counted.has(name)) continue;
      this.#counted.add(name);
      const loss = Number(challenger.label !== truth) - Number(champion.label !== truth);
      this.#lost.set(of, (this.#lost.get(of) ?? 0) + loss);
    }
  }

  /** The mean paired loss, as a share of the compared windows. Undefined where none was compared. */
  get loss(): number | undefined {
    let [windows, lost] = [0, 0];
    for (const [deviceId, envelope] of this.#evidence) {
      const opened = openSign1(envelope, 'evidence');
      const evidence = opened.ok ? parseEvidence(opened.value.payload) : opened;
      if (!evidence.ok || evidence.value.challenger.sequence !== this.#challenger) continue;
      windows += evidence.value.totals.windows;
      lost += this.#lost.get(`${deviceId}/${toHex(evidence.value.life)}`) ?? 0;
    }
    return windows === 0 ? undefined : lost / windows;
  }
}
