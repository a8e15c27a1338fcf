import type { Phase } from '../../../protocol/messages/event.js';
import type { SlotSettings } from '../settings.js';
import type { Device } from '../device.js';
import { isSameImage, type Manifest } from '../../../protocol/documents/manifest.js';
import type { ServedWindow } from '../experiment/shadow.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import { Signal, wait, type Process } from '../process.js';
import { accept, refuse, type Rejection, type Result } from '../../../protocol/result.js';
import { withRejected, type StoredRelease } from '../state/record.js';
import { loadRelease } from '../update/load-release.js';
import { admitRelease, fetchRelease, testRelease, type Preparation } from '../update/prepare.js';
import { isHeldAgainst, isTransient, retryDelayMs } from '../update/retry.js';
import { CandidateRecord } from './candidate-record.js';
import { Comparison } from './comparison.js';
import type { SlotLedger } from './ledger.js';
import { newOffer, type Offer, type Purpose } from './offer.js';
import { Probation } from './probation.js';
import type { Service } from './service.js';

/**
 * The way of one release at a time, from its offer through trial or shadow to commit, or back.
 *
 * Invariant: the record on disk changes before whatever relies on it.
 */
export class Candidacy {
  readonly #device: Device;
  readonly #ledger: SlotLedger;
  readonly #service: Service;
  readonly #settings: SlotSettings;
  readonly #record: CandidateRecord;
  readonly #probation: Probation;
  readonly #comparison: Comparison;
  /** Called when an offer has come to a good end and there is room for the next. */
  readonly #settled: () => void;
  #offer: Offer | undefined;

  constructor(
    device: Device,
    ledger: SlotLedger,
    service: Service,
    settings: SlotSettings,
    settled: () => void,
  ) {
    this.#device = device;
    this.#ledger = ledger;
    this.#service = service;
    this.#settings = settings;
    this.#settled = settled;
    this.#record = new CandidateRecord(ledger);
    this.#probation = new Probation(device, ledger, this.#record, service, (offer) => {
      this.#settle(offer);
    });
    this.#comparison = new Comparison(device, this.#record, service, {
      finished: (offer) => {
        device.tasks.run(this.#rest(offer));
      },
      failed: (offer, rejection) => {
        device.tasks.run(this.#end(offer, rejection));
      },
      late: (offer, challenger) => {
        this.#loadAgain(offer, challenger);
      },
    });
  }

  get offer(): Offer | undefined {
    return this.#offer;
  }

  /** Takes an offer that may be made. There is none under way. */
  begin(release: StoredRelease, purpose: Purpose): void {
    const offer = newOffer(release, purpose);
    this.#offer = offer;
    this.#enter(offer, 'offered');
    offer.task = this.#device.tasks.run(this.#install(offer));
  }

  /** A later policy demands something else of the same release, for the same purpose. */
  *revise(offer: Offer, purpose: Purpose): Process<void> {
    offer.purpose = purpose;
    if (purpose.kind === 'serve') offer.trial?.demand(purpose.trial);
    else offer.shadow?.demand(purpose.shadow);
    yield* this.#record.revise(offer);
  }

  /** A signed policy wants something else: this one goes, through no fault of its own. */
  withdraw(offer: Offer): void {
    offer.task?.cancel();
    const { rejection } = refuse('offer-withdrawn', 'a newer policy names another release');
    this.#device.tasks.run(this.#end(offer, rejection));
  }

  /**
   * Drops a candidate that an earlier run of the device has left where nobody wants it any more. There is no
   * offer under way.
   */
  *forget(wanted: StoredRelease | undefined): Process<void> {
    const isUnwanted = (candidate: StoredRelease | undefined): boolean =>
      candidate !== undefined && candidate.manifest !== wanted?.manifest;
    if (!isUnwanted(this.#ledger.record.candidate)) return;
    yield* this.#ledger.commit(({ candidate }) =>
      isUnwanted(candidate) ? { candidate: undefined } : {},
    );
    this.#device.publishState();
    this.#device.collectGarbage();
  }

  /**
   * What was compared is to serve now, or the other way round: it is brought in anew from what is on disk,
   * and without a word.
   */
  *release(offer: Offer): Process<void> {
    offer.task?.cancel();
    this.#close(offer);
    if (offer.loaded !== undefined) yield* this.#service.leave(offer.loaded);
    yield* this.#unload(offer);
  }

  /** The answer of the served release is out. */
  answered(window: ServedWindow): void {
    const offer = this.#offer;
    if (offer === undefined) return;
    offer.shadow?.take(window);
    this.#probation.answered(offer, window.release);
  }

  /** The served release could not answer: if it is on trial, the trial is over, unless it was only late. */
  *failed(
    release: LoadedRelease,
    rejection: Rejection,
  ): Process<'left' | 'committing' | 'stranger'> {
    const offer = this.#offer;
    if (offer?.loaded !== release || offer.trial === undefined) return 'stranger';
    if (offer.committing) return 'committing';
    const verdict = this.#probation.judge(offer.trial, rejection);
    if (verdict !== undefined) {
      yield* this.#end(offer, verdict);
    } else {
      yield* this.#service.leave(release);
      this.#loadAgain(offer, release);
    }
    return 'left';
  }

  /** What an offer waits for may be there now: it is tried again at once. */
  clockJumped(): void {
    this.#offer?.retry?.give();
  }

  reloaded(before: LoadedRelease, after: LoadedRelease | undefined): void {
    if (this.#offer?.loaded === before) this.#offer.loaded = after;
  }

  /** From the offer to its trial, again after what may pass by itself: a missing block, a full disk. */
  *#install(offer: Offer): Process<void> {
    for (let attempt = 1; ; attempt++) {
      const outcome = yield* this.#bringIn(offer);
      if (outcome.ok) return;
      offer.loaded = undefined;
      if (!isTransient(outcome.rejection.code)) {
        yield* this.#end(offer, outcome.rejection);
        return;
      }
      this.#enter(offer, 'fetching', outcome.rejection);
      offer.resting = true;
      // Perhaps what is in its way is only what an earlier offer left.
      this.#device.collectGarbage();
      offer.retry = new Signal();
      yield* this.#waitForRetry(offer.retry, retryDelayMs(attempt));
      offer.retry = undefined;
      offer.resting = false;
    }
  }

  *#waitForRetry(retry: Signal<void>, delayMs: number): Process<void> {
    const cancel = this.#device.tasks.after(delayMs, () => {
      retry.give();
    });
    try {
      yield* wait(retry);
    } finally {
      cancel();
    }
  }

  *#bringIn(offer: Offer): Process<Result<void>> {
    const preparation: Preparation = {
      device: this.#device,
      slot: this.#ledger.name,
      settings: this.#settings,
      release: offer.release,
      record: this.#ledger.record,
      enter: (phase) => {
        this.#enter(offer, phase);
      },
    };
    const admitted = yield* admitRelease(preparation);
    if (!admitted.ok) return admitted;
    const { manifest } = admitted.value;
    const { committed: champion } = this.#service;
    if (offer.purpose.kind === 'serve' && champion && isSameImage(champion.manifest, manifest)) {
      return yield* this.#adopt(offer, champion, manifest);
    }
    const fetched = yield* fetchRelease(preparation, admitted.value);
    if (!fetched.ok) return fetched;
    const counted = yield* this.#record.countLoad(offer);
    if (!counted.ok) return counted;
    const tested = yield* testRelease(preparation, admitted.value);
    if (!tested.ok) return tested;
    offer.loaded = tested.value;
    const goal = offer.purpose.kind === 'serve' ? 'trial' : 'shadow';
    for (const phase of ['staged', goal] as const) {
      const kept = yield* this.#record.enter(offer, phase);
      if (!kept.ok) {
        yield* tested.value.unload();
        return kept;
      }
      this.#enter(offer, phase);
    }
    if (offer.purpose.kind === 'serve') yield* this.#probation.begin(offer, tested.value);
    else this.#comparison.begin(offer, tested.value, offer.purpose.shadow);
    // Trials and comparisons may take weeks: what is left from before does not wait for them.
    offer.resting = true;
    this.#device.collectGarbage();
    return accept(undefined);
  }

  /** A later release with the running image: nothing to fetch, to test or to try; only the names change. */
  *#adopt(offer: Offer, champion: LoadedRelease, manifest: Manifest): Process<Result<void>> {
    offer.committing = true;
    const committed = yield* this.#ledger.commit(({ current, previous }) => ({
      current: offer.release,
      // Without another way back, a policy that takes the new names back finds the old ones.
      previous: previous ?? current,
      candidate: undefined,
    }));
    offer.committing = false;
    if (!committed.ok) return committed;
    this.#service.rename(champion.under(offer.release, manifest));
    this.#settle(offer);
    return accept(undefined);
  }

  #close(offer: Offer): void {
    offer.ended = true;
    this.#offer = undefined;
  }

  #settle(offer: Offer): void {
    this.#close(offer);
    this.#ledger.note(offer.release, 'committed');
    this.#device.collectGarbage();
    this.#settled();
  }

  /** The comparison is made; what becomes of it is for a policy to say. Until then it costs nothing. */
  *#rest(offer: Offer): Process<void> {
    yield* this.#record.forgiveLoads(offer);
    yield* this.#unload(offer);
    offer.resting = true;
    this.#ledger.report('shadow-finished', offer.release);
  }

  /** Makes the instances of a candidate anew that was late; until then the champion does without it. */
  #loadAgain(offer: Offer, late: LoadedRelease): void {
    offer.loaded = undefined;
    const gone = new Signal<void>();
    const { tasks } = this.#device;
    tasks.run(unloadThen(late, gone));
    offer.task = tasks.run(this.#reload(offer, late.manifest, gone));
  }

  *#reload(offer: Offer, manifest: Manifest, gone: Signal<void>): Process<void> {
    // Until its thread has ended it may take memory: there is never more than one such thread.
    yield* wait(gone);
    const loaded = yield* loadRelease(this.#device, this.#settings, offer.release, manifest);
    if (!loaded.ok) {
      // What can be mended is, from the beginning; the rest ends there.
      yield* this.#install(offer);
      return;
    }
    offer.loaded = loaded.value;
    if (offer.shadow !== undefined) offer.shadow.resume(loaded.value);
    else yield* this.#service.serve(loaded.value);
  }

  /** Ends an offer: back to the champion at once, then the record, then instances and files. */
  *#end(offer: Offer, rejection: Rejection): Process<void> {
    const { release, loaded } = offer;
    const phase = this.#record.of(offer)?.phase === 'trial' ? 'rolled-back' : 'rejected';
    this.#close(offer);
    if (loaded !== undefined) yield* this.#service.leave(loaded);
    yield* this.#ledger.commit((slot) => ({
      candidate: undefined,
      rejected: isHeldAgainst(rejection) ? withRejected(slot, release.manifest) : slot.rejected,
    }));
    this.#ledger.note(release, phase, rejection);
    this.#device.collectGarbage();
    // A window may be in one of its instances at this moment, this one even.
    this.#device.tasks.run(this.#unload(offer));
  }

  /** Ends the instances of an offer; they may be answering a window at this moment. */
  *#unload(offer: Offer): Process<void> {
    const { loaded, shadow } = offer;
    if (loaded === undefined) return;
    if (shadow !== undefined) yield* shadow.end();
    else yield* this.#service.settled();
    yield* loaded.unload();
    offer.loaded = undefined;
  }

  #enter(offer: Offer, phase: Phase, rejection?: Rejection): void {
    offer.phase = phase;
    this.#ledger.note(offer.release, phase, rejection);
  }
}

function* unloadThen(release: LoadedRelease, gone: Signal<void>): Process<void> {
  yield* release.unload();
  gone.give();
}
