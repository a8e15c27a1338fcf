import type { ShadowTerms, TrialTerms } from '../../../protocol/documents/policy.js';
import type { Phase } from '../../../protocol/messages/event.js';
import type { Rejection } from '../../../protocol/result.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import type { Task } from '../process.js';
import type { StoredRelease } from '../state/record.js';
import type { Holding } from '../store/artifact-store.js';
import { phaseAfter, reportedPhase, type LifeEvent, type LifePhase } from '../update/life.js';

/** What a release is brought in for. */
export type Purpose =
  | { readonly kind: 'serve'; readonly trial: TrialTerms }
  | { readonly kind: 'shadow'; readonly shadow: ShadowTerms };

/**
 * A release that the slot is busy with, from its offer until its life is over (`update/life.ts`). Everybody may
 * read it; only the candidacy writes what is not private.
 */
export class Offer {
  readonly release: StoredRelease;
  /** A later policy may demand something else for the same purpose. */
  purpose: Purpose;
  /** What brings it in, or makes its instances anew. */
  task: Task | undefined;
  /** Its models, from its self-test on; undefined while they are made anew. */
  loaded: LoadedRelease | undefined;
  /** The files that it needs, until it is over. */
  readonly holding: Holding;
  readonly #tell: (phase: Phase, rejection?: Rejection) => void;
  #phase: LifePhase = 'offered';
  #told: Phase = 'offered';

  /** @param tell is told of each phase that is to be reported */
  constructor(
    { sequence, manifest }: StoredRelease,
    purpose: Purpose,
    holding: Holding,
    tell: (phase: Phase, rejection?: Rejection) => void,
  ) {
    this.release = { sequence, manifest };
    this.purpose = purpose;
    this.holding = holding;
    this.#tell = tell;
    tell('offered');
  }

  get phase(): LifePhase {
    return this.#phase;
  }

  /** Something has happened to it, for a reason where it is a setback. */
  advance(event: LifeEvent, rejection?: Rejection): void {
    this.#phase = phaseAfter(this.#phase, event);
    const reported = reportedPhase(event, this.#phase);
    if (reported === undefined) return;
    // What was refused already, and was only waited for, goes without another word.
    const isKnown = event === 'reject' && this.#told === 'rejected';
    this.#told = reported;
    if (!isKnown) this.#tell(reported, rejection);
  }
}
