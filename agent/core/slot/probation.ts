import type { TrialTerms } from '../../../protocol/documents/policy.js';
import { limits } from '../../../protocol/limits.js';
import type { Rejection } from '../../../protocol/result.js';
import type { Device } from '../device.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import { ask, type Process } from '../process.js';
import { Trial } from '../update/trial.js';
import { termsOf, type CandidateRecord } from './candidate-record.js';
import type { SlotLedger } from './ledger.js';
import type { Offer } from './offer.js';
import type { Service } from './service.js';

/** What becomes of a release whose trial is over. */
export interface ProbationListener {
  /** It is current. */
  committed(offer: Offer): void;
  /** It could not be committed: it is on trial again. */
  notCommitted(offer: Offer): void;
  /** It is on record as current, but its models were lost meanwhile and could not be loaded again. */
  lost(offer: Offer): void;
}

/** Lets an offered release serve on trial, and commits it when it has shown enough. */
export class Probation {
  readonly #device: Device;
  readonly #ledger: SlotLedger;
  readonly #record: CandidateRecord;
  readonly #service: Service;
  readonly #listener: ProbationListener;
  /** What is under way, from the moment that a release serves on trial. */
  #trial: Trial | undefined;
  #stopLooking = (): void => undefined;

  constructor(
    device: Device,
    ledger: SlotLedger,
    record: CandidateRecord,
    service: Service,
    listener: ProbationListener,
  ) {
    this.#device = device;
    this.#ledger = ledger;
    this.#record = record;
    this.#service = service;
    this.#listener = listener;
  }

  *begin(offer: Offer, loaded: LoadedRelease): Process<void> {
    const before = this.#record.of(offer) ?? { soakMs: 0, inferences: 0 };
    const trial = new Trial(termsOf(offer), before, this.#device.now().monotonicMs);
    this.#trial = trial;
    yield* this.#service.serve(loaded);
    this.#lookLater(offer, trial);
  }

  /** The release on trial is no longer: committed, given up, or brought in anew. */
  end(): void {
    this.#trial = undefined;
    this.#stopLooking();
  }

  /** A later policy demands something else. */
  demand(terms: TrialTerms): void {
    this.#trial?.demand(terms);
  }

  /** The release on trial has answered a window. */
  answered(offer: Offer): void {
    if (offer.phase !== 'trial' || this.#trial === undefined) return;
    this.#trial.answered();
    this.#commitIfPassed(offer, this.#trial);
  }

  /** The release on trial could not answer. Gives why the trial is over; undefined where it goes on. */
  judge(failure: Rejection): Rejection | undefined {
    return this.#trial?.failed(failure, this.#service.punctuality.counts);
  }

  /** Looks at a trial from time to time: whether it is over, how far it is, whether anything arrives at all. */
  #lookLater(offer: Offer, trial: Trial): void {
    const delayMs = trial.nextLookMs(this.#device.now().monotonicMs);
    this.#stopLooking = this.#device.tasks.after(delayMs, () => {
      if (offer.phase === 'trial') this.#look(offer, trial);
      if (this.#trial === trial) this.#lookLater(offer, trial);
    });
  }

  #look(offer: Offer, trial: Trial): void {
    const { monotonicMs } = this.#device.now();
    const progress = trial.progress(monotonicMs);
    if (trial.isNewlyStarved(monotonicMs)) {
      this.#ledger.report('trial-starved', offer.release, {
        code: 'trial-starved',
        detail: `${progress.inferences} of ${termsOf(offer).inferences} windows`,
      });
    }
    if (this.#commitIfPassed(offer, trial)) return;
    const hasAnswered = trial.inferencesInThisRun > 0;
    this.#device.tasks.run(this.#record.progress(offer, progress, hasAnswered));
  }

  /** Commits a release whose trial is over; false where it is not. */
  #commitIfPassed(offer: Offer, trial: Trial): boolean {
    if (offer.loaded === undefined || !trial.isPassed(this.#device.now().monotonicMs)) return false;
    offer.advance('commit');
    this.#device.tasks.run(this.#commit(offer));
    return true;
  }

  /** The trial is over: the release becomes current, and what was current can come back until a promotion. */
  *#commit(offer: Offer): Process<void> {
    const committed = yield* this.#ledger.commit(({ current, previous }) => ({
      current: offer.release,
      // A release that was left for its predecessor is no way back.
      previous: previous?.manifest === offer.release.manifest ? undefined : current,
      candidate: undefined,
    }));
    if (!committed.ok) {
      this.#ledger.report('state-not-saved', offer.release, committed.rejection);
      yield* ask('wait', { delayMs: limits.commitPauseMs });
      offer.advance('fail');
      this.#listener.notCommitted(offer);
      return;
    }
    if (offer.loaded === undefined) {
      this.#listener.lost(offer);
      return;
    }
    const before = this.#service.crown(offer.loaded);
    this.#listener.committed(offer);
    // Answers come one after the other: nothing is under way in the old instances any more.
    if (before !== undefined) yield* before.unload();
  }
}
