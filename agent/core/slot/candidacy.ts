import { isSameImage, type Manifest } from '../../../protocol/documents/manifest.js';
import { accept, refuse, type Rejection, type Result } from '../../../protocol/result.js';
import type { Device } from '../device.js';
import type { ServedWindow, Shadow } from '../experiment/shadow.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import { Signal, thenGive, wait, type Process } from '../process.js';
import type { SlotSettings } from '../settings.js';
import { withRejected, type StoredRelease } from '../state/record.js';
import { BackOff } from '../back-off.js';
import { loadRelease } from '../update/load-release.js';
import { admitRelease, fetchRelease, testRelease, type Preparation } from '../update/prepare.js';
import { isAbsent, isHeldAgainst, isTransient } from '../update/retry.js';
import { makeRoom } from '../update/room.js';
import { checkComparison } from '../update/source-fit.js';
import { CandidateRecord } from './candidate-record.js';
import { Comparison } from './comparison.js';
import type { SlotLedger } from './ledger.js';
import { Offer, type Purpose } from './offer.js';
import { Probation } from './probation.js';
import type { Service } from './service.js';

/**
 * The way of one release at a time, from its offer through trial or shadow to commit, or back
 * (`update/life.ts`).
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
  readonly #reconsider: () => void;
  #offer: Offer | undefined;
  /** Ends the pause between two attempts. */
  #retry: Signal<void> | undefined;

  /**
   * @param reconsider called when a commit is over, one way or the other: what is desired may have changed
   *   meanwhile
   */
  constructor(
    device: Device,
    ledger: SlotLedger,
    service: Service,
    settings: SlotSettings,
    reconsider: () => void,
  ) {
    this.#device = device;
    this.#ledger = ledger;
    this.#service = service;
    this.#settings = settings;
    this.#reconsider = reconsider;
    this.#record = new CandidateRecord(ledger);
    this.#probation = new Probation(device, ledger, this.#record, service, {
      committed: (offer) => {
        this.#complete(offer);
      },
      notCommitted: (offer) => {
        if (offer.loaded === undefined) this.#bringInAgain(offer);
        reconsider();
      },
      lost: (offer) => {
        device.tasks.run(this.#takeBack(offer));
      },
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
    const offer = new Offer(release, purpose, this.#device.store.hold(), (phase, rejection) => {
      this.#ledger.note(release, phase, rejection);
    });
    this.#offer = offer;
    offer.task = this.#device.tasks.run(this.#install(offer));
  }

  /** A later policy demands something else of the same release, for the same purpose. */
  *revise(offer: Offer, purpose: Purpose): Process<void> {
    offer.purpose = purpose;
    this.tryAgain();
    if (purpose.kind === 'serve') this.#probation.demand(purpose.trial);
    else this.#comparison.demand(purpose.shadow);
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
      isUnwanted(candidate) ? { candidate: undefined } : undefined,
    );
    this.#device.publishState();
    this.#device.collectGarbage();
  }

  /**
   * What was compared is to serve now, or the other way round: it is brought in anew from what is on disk,
   * and without a word.
   */
  *drop(offer: Offer): Process<void> {
    offer.task?.cancel();
    offer.advance('drop');
    const unload = this.#close(offer);
    if (offer.loaded !== undefined) yield* this.#service.leave(offer.loaded);
    yield* unload;
  }

  /** The answer of the served release is out. */
  answered(window: ServedWindow): void {
    const offer = this.#offer;
    this.#comparison.take(window);
    if (offer?.loaded === window.release) this.#probation.answered(offer);
  }

  /** The served release could not answer: if it is on trial, the trial is over, unless it was only late. */
  *failed(
    release: LoadedRelease,
    rejection: Rejection,
  ): Process<'left' | 'committing' | 'stranger'> {
    const offer = this.#offer;
    if (offer?.loaded !== release) return 'stranger';
    if (offer.phase === 'committing') return 'committing';
    if (offer.phase !== 'trial') return 'stranger';
    const verdict = this.#probation.judge(rejection);
    if (verdict !== undefined) {
      yield* this.#end(offer, verdict);
    } else {
      yield* this.#service.leave(release);
      this.#loadAgain(offer, release);
    }
    return 'left';
  }

  /** The source gives nothing that fits the served release; false where that is not on trial. */
  mismatched(release: LoadedRelease, rejection: Rejection): boolean {
    const offer = this.#offer;
    if (offer?.loaded !== release || offer.phase !== 'trial') return false;
    offer.task?.cancel();
    this.#device.tasks.run(this.#end(offer, rejection));
    return true;
  }

  /** The device ends in order: that this run has loaded the models of an offer counts no more. */
  *leave(): Process<void> {
    const offer = this.#offer;
    if (offer === undefined || offer.phase === 'committing') return;
    offer.task?.cancel();
    yield* this.#record.uncountLoad(offer);
  }

  /** What an offer waits for may be there now: it is tried again at once. */
  tryAgain(): void {
    this.#retry?.give();
  }

  /** The instances of a release whose commit was under way were made anew, or could not be. */
  reloaded(before: LoadedRelease, after: LoadedRelease | undefined): boolean {
    const offer = this.#offer;
    if (offer?.loaded !== before) return false;
    offer.loaded = after;
    if (after === undefined && offer.phase === 'trial') this.#bringInAgain(offer);
    return true;
  }

  /** From the offer to its trial, again after what may pass by itself: a missing block, a full disk. */
  *#install(offer: Offer): Process<void> {
    const backOff = new BackOff();
    for (let attempt = 1; ; attempt++) {
      const outcome = yield* this.#bringIn(offer);
      if (outcome.ok) return;
      if (!isTransient(outcome.rejection.code, attempt)) {
        yield* this.#end(offer, outcome.rejection);
        return;
      }
      const rejection = yield* makeRoom(this.#device, outcome.rejection);
      const wasCommitting = offer.phase === 'committing';
      offer.advance('pause', rejection);
      if (wasCommitting) this.#reconsider();
      // Perhaps what is in its way is only what an earlier offer left.
      this.#device.collectGarbage();
      yield* this.#waitForRetry(backOff.nextDelayMs());
      offer.advance('restart');
    }
  }

  *#waitForRetry(delayMs: number): Process<void> {
    const retry = new Signal<void>();
    this.#retry = retry;
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
      record: () => this.#ledger.bounds,
      holding: offer.holding,
      advance: (event) => {
        offer.advance(event);
      },
      course: {
        // What came and is wrong is refused, and asked for again.
        trouble: (rejection) => {
          offer.advance(isAbsent(rejection.code) ? 'lack' : 'refuse', rejection);
        },
        goesOn: () => {
          offer.advance('goOn');
        },
      },
    };
    const admitted = yield* admitRelease(preparation);
    if (!admitted.ok) return admitted;
    const { manifest } = admitted.value;
    const { committed: champion } = this.#service;
    if (offer.purpose.kind === 'serve' && champion && isSameImage(champion.manifest, manifest)) {
      return yield* this.#adopt(offer, champion, manifest);
    }
    const fits = this.#service.checkSource(manifest);
    if (!fits.ok) return fits;
    if (offer.purpose.kind !== 'serve' && champion !== undefined) {
      const served = champion.manifest.pipeline.window;
      const comparable = checkComparison(served, manifest.pipeline.window);
      if (!comparable.ok) return comparable;
    }
    const fetched = yield* fetchRelease(preparation, admitted.value);
    if (!fetched.ok) return fetched;
    const counted = yield* this.#record.countLoad(offer);
    if (!counted.ok) return counted;
    const tested = yield* testRelease(preparation, admitted.value);
    if (!tested.ok) return tested;
    offer.loaded = tested.value;
    const started = yield* this.#start(offer, tested.value);
    if (!started.ok) {
      offer.loaded = undefined;
      this.#device.tasks.run(tested.value.unload());
      return started;
    }
    // Trials and comparisons may take weeks: what is left from before does not wait for them.
    this.#device.collectGarbage();
    return accept(undefined);
  }

  /** Staged, then on trial or compared: on record first. */
  *#start(offer: Offer, loaded: LoadedRelease): Process<Result<void>> {
    const staged = yield* this.#record.enter(offer, 'staged');
    if (!staged.ok) return staged;
    // The first samples may have come meanwhile.
    const fits = this.#service.checkSource(loaded.manifest);
    if (!fits.ok) return fits;
    offer.advance('stage');
    const { purpose } = offer;
    const entered = yield* this.#record.enter(offer, purpose.kind === 'serve' ? 'trial' : 'shadow');
    if (!entered.ok) return entered;
    if (offer.purpose.kind === 'serve') {
      offer.advance('try');
      yield* this.#probation.begin(offer, loaded);
    } else {
      offer.advance('compare');
      this.#comparison.begin(offer, loaded, offer.purpose.shadow);
    }
    return accept(undefined);
  }

  /** A later release with the running image: nothing to fetch, to test or to try; only the names change. */
  *#adopt(offer: Offer, champion: LoadedRelease, manifest: Manifest): Process<Result<void>> {
    offer.advance('adopt');
    const committed = yield* this.#ledger.commit(({ current, previous }) =>
      current?.manifest === champion.stored.manifest
        ? {
            current: offer.release,
            // Without another way back, a policy that takes the new names back finds the old ones.
            previous: previous ?? current,
            candidate: undefined,
          }
        : undefined,
    );
    if (!committed.ok) return committed;
    if (this.#ledger.record.current?.manifest !== offer.release.manifest) {
      return refuse('image-damaged', 'the running image was found damaged meanwhile');
    }
    this.#service.rename(offer.release, manifest);
    this.#complete(offer);
    return accept(undefined);
  }

  /** It is current. */
  #complete(offer: Offer): void {
    offer.holding.letGo();
    this.#offer = undefined;
    this.#probation.end();
    offer.advance('complete');
    this.#device.collectGarbage();
    this.#reconsider();
  }

  /** The comparison is made; what becomes of it is for a policy to say. Until then it costs nothing. */
  *#rest(offer: Offer): Process<void> {
    const { loaded } = offer;
    offer.loaded = undefined;
    yield* this.#record.forgiveLoads(offer);
    if (loaded !== undefined) yield* loaded.unload();
    this.#ledger.report('shadow-finished', offer.release);
  }

  /** Makes the instances of a candidate anew that was late; until then the champion does without it. */
  #loadAgain(offer: Offer, late: LoadedRelease): void {
    offer.loaded = undefined;
    const gone = new Signal<void>();
    const { tasks } = this.#device;
    tasks.run(thenGive(late.unload(), gone));
    offer.task = tasks.run(this.#reload(offer, late.manifest, gone));
  }

  *#reload(offer: Offer, manifest: Manifest, gone: Signal<void>): Process<void> {
    // Until its thread has ended it may take memory: there is never more than one such thread.
    yield* wait(gone);
    const loaded = yield* loadRelease(this.#device, this.#settings, offer.release, manifest);
    if (!loaded.ok) {
      this.#bringInAgain(offer);
      return;
    }
    offer.loaded = loaded.value;
    if (offer.phase === 'shadow') this.#comparison.resume(loaded.value);
    else yield* this.#service.serve(loaded.value);
  }

  /** Its models are lost. What can be mended is, from the beginning; the rest ends there. */
  #bringInAgain(offer: Offer): void {
    this.#probation.end();
    this.#comparison.end();
    offer.advance('restart');
    offer.task = this.#device.tasks.run(this.#install(offer));
  }

  /** Its models were lost while it was committed, and it is on record already: the champion stays. */
  *#takeBack(offer: Offer): Process<void> {
    const { champion } = this.#service;
    yield* this.#ledger.commit(({ current, previous }) =>
      current?.manifest === offer.release.manifest
        ? { current: previous ?? champion?.stored, previous: undefined }
        : undefined,
    );
    const { rejection } = refuse('image-damaged', 'its models were lost while it was committed');
    yield* this.#end(offer, rejection);
    this.#reconsider();
  }

  /** Ends an offer: back to the champion at once, then the record, then instances and files. */
  *#end(offer: Offer, rejection: Rejection): Process<void> {
    const { release, loaded } = offer;
    const { manifest } = release;
    const hasServed = offer.phase === 'committing' || this.#record.of(offer)?.phase === 'trial';
    const unload = this.#close(offer);
    if (loaded !== undefined) yield* this.#service.leave(loaded);
    yield* this.#ledger.commit((slot) => ({
      ...(slot.candidate?.manifest === manifest && { candidate: undefined }),
      // What was committed here before is the way back, however it fared in the shadow of its successor.
      ...(isHeldAgainst(rejection) &&
        slot.previous?.manifest !== manifest && { rejected: withRejected(slot, manifest) }),
    }));
    offer.advance(hasServed ? 'rollBack' : 'reject', rejection);
    this.#device.collectGarbage();
    // A window may be in one of its instances at this moment, this one even.
    this.#device.tasks.run(unload);
  }

  /**
   * Nothing more is done for an offer. The process that is given ends its instances when they are at rest: they
   * may be answering a window at this moment.
   */
  #close(offer: Offer): Process<void> {
    offer.holding.letGo();
    this.#offer = undefined;
    this.#probation.end();
    return this.#unload(offer.loaded, this.#comparison.end());
  }

  *#unload(loaded: LoadedRelease | undefined, shadow: Shadow | undefined): Process<void> {
    if (loaded === undefined) return;
    yield* shadow === undefined ? this.#service.settled() : shadow.settled();
    yield* loaded.unload();
  }
}
