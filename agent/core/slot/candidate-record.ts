import { shortestTrial, type TrialTerms } from '../../../protocol/documents/policy.js';
import { limits } from '../../../protocol/limits.js';
import type { Process } from '../process.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import type { CandidatePhase, StoredCandidate } from '../state/record.js';
import type { TrialProgress } from '../update/trial.js';
import type { SlotLedger } from './ledger.js';
import type { Offer } from './offer.js';

/** What the state record has of the release that is offered: how far it came, and at what cost. */
export class CandidateRecord {
  readonly #ledger: SlotLedger;
  /** The offer of which this run of the device has counted that its models are loaded. */
  #counted: Offer | undefined;

  constructor(ledger: SlotLedger) {
    this.#ledger = ledger;
  }

  /** What is known of the offered release from before; undefined where another one is on record, or none. */
  of({ release }: Offer): StoredCandidate | undefined {
    const { candidate } = this.#ledger.record;
    return candidate?.manifest === release.manifest ? candidate : undefined;
  }

  /** Writes the offered release down with its phase; what it has shown so far stays. */
  *enter(offer: Offer, phase: CandidatePhase): Process<Result<void>> {
    return yield* this.#write(offer, phase, 0);
  }

  /**
   * Counts that the models are loaded before they are: what kills the process is known at the next start.
   * Refuses with `trial-attempts-exceeded`.
   */
  *countLoad(offer: Offer): Process<Result<void>> {
    if (this.#counted === offer) return accept(undefined);
    const { attempts = 0 } = this.of(offer) ?? {};
    if (attempts >= limits.trialAttempts) {
      return refuse(
        'trial-attempts-exceeded',
        `its models were loaded ${attempts} times, and the device started anew each time`,
      );
    }
    const written = yield* this.#write(offer, 'verified', 1);
    if (written.ok) this.#counted = offer;
    return written;
  }

  /** The process ends in order, and not by the models that this run has loaded. */
  *uncountLoad(offer: Offer): Process<void> {
    if (this.#counted !== offer) return;
    yield* this.#change(offer, ({ attempts }) => ({ attempts: Math.max(0, attempts - 1) }));
  }

  /** It has answered for a while in this run, and the process is still there: its loads count anew. */
  *forgiveLoads(offer: Offer): Process<void> {
    yield* this.#change(offer, () => ({ attempts: 0 }));
  }

  /** Writes down how far a trial is, and forgives loads where it has answered in this run. */
  *progress(offer: Offer, progress: TrialProgress, answered: boolean): Process<void> {
    yield* this.#change(offer, () => ({ ...progress, ...(answered && { attempts: 0 }) }));
  }

  /** Writes down what the newest policy demands of it. */
  *revise(offer: Offer): Process<void> {
    yield* this.#change(offer, ({ terms }) => {
      const { soakMs, inferences } = termsOf(offer);
      const isKnown = terms.soakMs === soakMs && terms.inferences === inferences;
      return isKnown ? undefined : { terms: { soakMs, inferences } };
    });
  }

  *#change(
    offer: Offer,
    change: (candidate: StoredCandidate) => Partial<StoredCandidate> | undefined,
  ): Process<void> {
    yield* this.#ledger.commit(({ candidate }) => {
      if (candidate?.manifest !== offer.release.manifest) return undefined;
      const changed = change(candidate);
      return changed && { candidate: { ...candidate, ...changed } };
    });
  }

  *#write(offer: Offer, phase: CandidatePhase, newAttempts: number): Process<Result<void>> {
    return yield* this.#ledger.commit(() => {
      const { attempts = 0, soakMs = 0, inferences = 0 } = this.of(offer) ?? {};
      return {
        candidate: {
          ...offer.release,
          // A start without the broker goes on by the record alone: what is only compared never serves there.
          phase: offer.purpose.kind === 'shadow' ? 'shadow' : phase,
          attempts: attempts + newAttempts,
          soakMs,
          inferences,
          terms: termsOf(offer),
        },
      };
    });
  }
}

/** What the trial of an offer demands; a comparison has none of its own. */
export function termsOf({ purpose }: Offer): TrialTerms {
  return purpose.kind === 'serve' ? purpose.trial : shortestTrial;
}
