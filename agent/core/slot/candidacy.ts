import type { Device, Phase, SlotSettings } from '../device.js';
import { isSameImage, type Manifest } from '../documents/manifest.js';
import { Shadow, type ServedWindow, type ShadowTerms } from '../experiment/shadow.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import { limits } from '../limits.js';
import { ask, type Process } from '../process.js';
import { accept, refuse, type Rejection, type Result } from '../result.js';
import { withRejected, type CandidatePhase, type StoredRelease } from '../state/record.js';
import { loadRelease } from '../update/load-release.js';
import { admitRelease, fetchRelease, testRelease, type Preparation } from '../update/prepare.js';
import { isHeldAgainst, isTransient, retryDelayMs } from '../update/retry.js';
import { progressMs, shortestTrial, Trial, type TrialTerms } from '../update/trial.js';
import type { SlotLedger } from './ledger.js';
import { newOffer, type Offer, type Purpose } from './offer.js';
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
    const terms = termsOf(offer);
    const known = this.#known(offer)?.terms;
    if (known?.soakMs === terms.soakMs && known.inferences === terms.inferences) return;
    yield* this.#ledger.commit(({ candidate }) =>
      candidate?.manifest === offer.release.manifest ? { candidate: { ...candidate, terms } } : {},
    );
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
    this.#offer = undefined;
    if (offer.loaded !== undefined) yield* this.#service.leave(offer.loaded);
    yield* this.#unload(offer);
  }

  /** The answer of the served release is out. */
  answered(window: ServedWindow): void {
    const offer = this.#offer;
    if (offer === undefined) return;
    offer.shadow?.take(window);
    if (offer.trial === undefined || offer.loaded !== window.release || offer.committing) return;
    offer.trial.answered();
    this.#commitIfPassed(offer, offer.trial);
  }

  /** The served release could not answer: if it is on trial, the trial is over, unless it was only late. */
  *failed(
    release: LoadedRelease,
    rejection: Rejection,
  ): Process<'left' | 'committing' | 'stranger'> {
    const offer = this.#offer;
    if (offer?.loaded !== release || offer.trial === undefined) return 'stranger';
    if (offer.committing) return 'committing';
    const verdict = offer.trial.failed(rejection, this.#service.punctuality.counts);
    if (verdict !== undefined) {
      yield* this.#end(offer, verdict);
    } else {
      yield* this.#service.leave(release);
      this.#loadAgain(offer, release);
    }
    return 'left';
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
      yield* ask('wait', { delayMs: retryDelayMs(attempt) });
      offer.resting = false;
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
    const { champion } = this.#service;
    if (offer.purpose.kind === 'serve' && champion && isSameImage(champion.manifest, manifest)) {
      return yield* this.#adopt(offer, champion, manifest);
    }
    const fetched = yield* fetchRelease(preparation, admitted.value);
    if (!fetched.ok) return fetched;
    const counted = yield* this.#countLoad(offer);
    if (!counted.ok) return counted;
    const tested = yield* testRelease(preparation, admitted.value);
    if (!tested.ok) return tested;
    offer.loaded = tested.value;
    const goal = offer.purpose.kind === 'serve' ? 'trial' : 'shadow';
    for (const phase of ['staged', goal] as const) {
      const kept = yield* this.#keepCandidate(offer, phase, 0);
      if (!kept.ok) {
        yield* tested.value.unload();
        return kept;
      }
      this.#enter(offer, phase);
    }
    if (offer.purpose.kind === 'serve') yield* this.#beginTrial(offer, tested.value);
    else this.#beginShadow(offer, tested.value, offer.purpose.shadow);
    // Trials and comparisons may take weeks: what is left from before does not wait for them.
    offer.resting = true;
    this.#device.collectGarbage();
    return accept(undefined);
  }

  /** Counts that the models are loaded before they are: what kills the process is known at the next start. */
  *#countLoad(offer: Offer): Process<Result<void>> {
    if (offer.counted) return accept(undefined);
    const { attempts = 0 } = this.#known(offer) ?? {};
    if (attempts >= limits.trialAttempts) {
      return refuse(
        'trial-attempts-exceeded',
        `its models were loaded ${attempts} times, and the device started anew each time`,
      );
    }
    const kept = yield* this.#keepCandidate(offer, 'verified', 1);
    if (kept.ok) offer.counted = true;
    return kept;
  }

  *#beginTrial(offer: Offer, loaded: LoadedRelease): Process<void> {
    const before = this.#known(offer) ?? { soakMs: 0, inferences: 0 };
    const trial = new Trial(termsOf(offer), before, this.#device.now().monotonicMs);
    offer.trial = trial;
    yield* this.#service.serve(loaded);
    this.#watchTrial(offer, trial);
  }

  /** Looks at a trial from time to time: whether it is over, how far it is, whether anything arrives at all. */
  #watchTrial(offer: Offer, trial: Trial): void {
    const device = this.#device;
    device.tasks.after(trial.nextLookMs(device.now().monotonicMs), () => {
      if (this.#offer !== offer || offer.trial !== trial || offer.committing) return;
      const { monotonicMs } = device.now();
      if (trial.isNewlyStarved(monotonicMs)) {
        this.#ledger.report('trial-starved', offer.release, {
          code: 'trial-starved',
          detail: `${trial.progress(monotonicMs).inferences} of ${termsOf(offer).inferences} windows`,
        });
      }
      if (this.#commitIfPassed(offer, trial)) return;
      device.tasks.run(this.#keepProgress(offer, trial));
      this.#watchTrial(offer, trial);
    });
  }

  *#keepProgress(offer: Offer, trial: Trial): Process<void> {
    const progress = trial.progress(this.#device.now().monotonicMs);
    const proven = trial.inferencesInThisRun > 0;
    yield* this.#ledger.commit(({ candidate }) => {
      if (candidate?.manifest !== offer.release.manifest) return {};
      // It has answered in this run, and the process is still there: its loads count anew.
      return { candidate: { ...candidate, ...progress, ...(proven && { attempts: 0 }) } };
    });
  }

  /** Commits a release whose trial is over; false where it is not. */
  #commitIfPassed(offer: Offer, trial: Trial): boolean {
    if (offer.loaded === undefined || !trial.isPassed(this.#device.now().monotonicMs)) return false;
    offer.committing = true;
    this.#device.tasks.run(this.#commitOffer(offer));
    return true;
  }

  /** The trial is over: the release becomes current, and what was current can come back until a promotion. */
  *#commitOffer(offer: Offer): Process<void> {
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
    this.#settle(offer);
    // Answers come one after the other: nothing is under way in the old instances any more.
    if (before !== undefined) yield* before.unload();
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

  #settle(offer: Offer): void {
    this.#offer = undefined;
    this.#ledger.note(offer.release, 'committed');
    this.#device.collectGarbage();
    this.#settled();
  }

  #beginShadow(offer: Offer, loaded: LoadedRelease, terms: ShadowTerms): void {
    const shadow = new Shadow(loaded, terms, this.#device, this.#service, {
      finished: () => {
        this.#device.publishReports();
        this.#device.tasks.run(this.#rest(offer));
      },
      failed: (rejection) => {
        this.#device.publishReports();
        this.#device.tasks.run(this.#end(offer, rejection));
      },
      late: () => {
        if (offer.loaded !== undefined) this.#loadAgain(offer, offer.loaded);
      },
    });
    offer.shadow = shadow;
    this.#watchShadow(offer, shadow);
  }

  /** As with a trial: once it has answered for a while, its loads count anew, and starts may come and go. */
  #watchShadow(offer: Offer, shadow: Shadow): void {
    const { tasks } = this.#device;
    tasks.after(progressMs, () => {
      if (this.#offer !== offer || offer.shadow !== shadow || shadow.ended) return;
      if (shadow.answered > 0) tasks.run(this.#forgiveLoads(offer));
      else this.#watchShadow(offer, shadow);
    });
  }

  *#forgiveLoads(offer: Offer): Process<void> {
    yield* this.#ledger.commit(({ candidate }) =>
      candidate?.manifest === offer.release.manifest
        ? { candidate: { ...candidate, attempts: 0 } }
        : {},
    );
  }

  /** The comparison is made; what becomes of it is for a policy to say. Until then it costs nothing. */
  *#rest(offer: Offer): Process<void> {
    yield* this.#forgiveLoads(offer);
    yield* this.#unload(offer);
    offer.resting = true;
    this.#ledger.report('shadow-finished', offer.release);
  }

  /** Makes the instances of a candidate anew that was late; until then the champion does without it. */
  #loadAgain(offer: Offer, late: LoadedRelease): void {
    const { tasks } = this.#device;
    offer.loaded = undefined;
    tasks.run(late.unload());
    offer.task = tasks.run(this.#reload(offer, late.manifest));
  }

  *#reload(offer: Offer, manifest: Manifest): Process<void> {
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
    const phase = this.#known(offer)?.phase === 'trial' ? 'rolled-back' : 'rejected';
    this.#offer = undefined;
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

  /** Writes the candidate down with its phase; what it has shown so far stays. */
  *#keepCandidate(offer: Offer, phase: CandidatePhase, newAttempts: number): Process<Result<void>> {
    return yield* this.#ledger.commit(() => {
      const { attempts = 0, soakMs = 0, inferences = 0 } = this.#known(offer) ?? {};
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

  /** What the record knows of the offered release from before. */
  #known({ release }: Offer) {
    const { candidate } = this.#ledger.record;
    return candidate?.manifest === release.manifest ? candidate : undefined;
  }

  #enter(offer: Offer, phase: Phase, rejection?: Rejection): void {
    offer.phase = phase;
    this.#ledger.note(offer.release, phase, rejection);
  }
}

function termsOf({ purpose }: Offer): TrialTerms {
  return purpose.kind === 'serve' ? purpose.trial : shortestTrial;
}
