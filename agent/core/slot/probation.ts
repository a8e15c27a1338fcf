import type { Device } from '../device.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import { ask, type Process } from '../process.js';
import type { Rejection } from '../../../protocol/result.js';
import { retryDelayMs } from '../update/retry.js';
import { Trial } from '../update/trial.js';
import { termsOf, type CandidateRecord } from './candidate-record.js';
import type { SlotLedger } from './ledger.js';
import type { Offer } from './offer.js';
import type { Service } from './service.js';

/** Lets an offered release serve on trial, and commits it when it has shown enough. */
export class Probation {
  readonly #device: Device;
  readonly #ledger: SlotLedger;
  readonly #record: CandidateRecord;
  readonly #service: Service;
  /** Called when a release is committed. */
  readonly #committed: (offer: Offer) => void;

  constructor(
    device: Device,
    ledger: SlotLedger,
    record: CandidateRecord,
    service: Service,
    committed: (offer: Offer) => void,
  ) {
    this.#device = device;
    this.#ledger = ledger;
    this.#record = record;
    this.#service = service;
    this.#committed = committed;
  }

  *begin(offer: Offer, loaded: LoadedRelease): Process<void> {
    const before = this.#record.of(offer) ?? { soakMs: 0, inferences: 0 };
    const trial = new Trial(termsOf(offer), before, this.#device.now().monotonicMs);
    offer.trial = trial;
    yield* this.#service.serve(loaded);
    this.#watch(offer, trial);
  }

  /** The answer of a release is out: it counts where that is the one on trial. */
  answered(offer: Offer, release: LoadedRelease): void {
    if (offer.trial === undefined || offer.loaded !== release || offer.committing) return;
    offer.trial.answered();
    this.#commitIfPassed(offer, offer.trial);
  }

  /** The release on trial could not answer. Gives why the trial is over; undefined where it goes on. */
  judge(trial: Trial, failure: Rejection): Rejection | undefined {
    return trial.failed(failure, this.#service.punctuality.counts);
  }

  /** Looks at a trial from time to time: whether it is over, how far it is, whether anything arrives at all. */
  #watch(offer: Offer, trial: Trial): void {
    const device = this.#device;
    device.tasks.after(trial.nextLookMs(device.now().monotonicMs), () => {
      if (offer.ended || offer.trial !== trial || offer.committing) return;
      const { monotonicMs } = device.now();
      const progress = trial.progress(monotonicMs);
      if (trial.isNewlyStarved(monotonicMs)) {
        this.#ledger.report('trial-starved', offer.release, {
          code: 'trial-starved',
          detail: `${progress.inferences} of ${termsOf(offer).inferences} windows`,
        });
      }
      if (this.#commitIfPassed(offer, trial)) return;
      device.tasks.run(this.#record.progress(offer, progress, trial.inferencesInThisRun > 0));
      this.#watch(offer, trial);
    });
  }

  /** Commits a release whose trial is over; false where it is not. */
  #commitIfPassed(offer: Offer, trial: Trial): boolean {
    if (offer.loaded === undefined || !trial.isPassed(this.#device.now().monotonicMs)) return false;
    offer.committing = true;
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
    if (!committed.ok || offer.loaded === undefined) {
      if (!committed.ok) this.#ledger.report('state-not-saved', offer.release, committed.rejection);
      yield* ask('wait', { delayMs: retryDelayMs(1) });
      offer.committing = false;
      return;
    }
    const before = this.#service.crown(offer.loaded);
    this.#committed(offer);
    // Answers come one after the other: nothing is under way in the old instances any more.
    if (before !== undefined) yield* before.unload();
  }
}
