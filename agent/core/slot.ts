import { codes } from './codes.js';
import type { Device, Phase, SlotSettings } from './device.js';
import { isSameImage, type Manifest } from './documents/manifest.js';
import type { Answer, LoadedRelease } from './inference/loaded-release.js';
import { Server, type CompletedWindow } from './inference/server.js';
import { limits } from './limits.js';
import { resultMessage } from './messages/result.js';
import type { SlotState } from './messages/state.js';
import { ask, wait, type Process, type Task } from './process.js';
import { accept, refuse, type Rejection, type Result } from './result.js';
import {
  slotOf,
  withRejected,
  withSlot,
  type CandidatePhase,
  type SlotRecord,
  type StoredRelease,
} from './state/record.js';
import { SlotCounters } from './telemetry/counters.js';
import { checkOffer } from './update/admission.js';
import { loadRelease, readManifest } from './update/load-release.js';
import { admitRelease, fetchRelease, testRelease, type Preparation } from './update/prepare.js';
import { isHeldAgainst, isTransient, retryDelayMs } from './update/retry.js';
import { shortestTrial, Trial, type TrialTerms } from './update/trial.js';

/** A release that the slot is busy with, from its offer until it is committed, rolled back or rejected. */
interface Offer {
  readonly release: StoredRelease;
  readonly terms: TrialTerms;
  phase: Phase;
  task: Task | undefined;
  /** Its models, from its self-test on. */
  loaded: LoadedRelease | undefined;
  /** From the moment that it serves. */
  trial: Trial | undefined;
  /** Whether this run of the device has counted that its models are loaded. */
  counted: boolean;
  committing: boolean;
}

/** What a signed policy wants of a slot of this device. */
export interface Desire {
  readonly release: StoredRelease;
  readonly terms: TrialTerms;
  /** The sequence number of the release that is current for good. */
  readonly promoted: number | undefined;
}

/**
 * A named place for one job. It serves the champion, and takes one release at a time from its offer
 * through trial to commit, or back.
 *
 * Invariants: what is served was verified in this run of the process; the champion stays loaded until its
 * successor is committed; the record on disk changes before whatever relies on it.
 */
export class Slot {
  readonly name: string;
  readonly counters = new SlotCounters();
  readonly #device: Device;
  readonly #settings: SlotSettings;
  readonly #server: Server;
  #champion: LoadedRelease | undefined;
  #offer: Offer | undefined;
  /** What the slot's policy wanted last of this device. */
  #desired: Desire | undefined;
  /** The version of the policy that was dealt with in this run. */
  #policyVersion = 0;
  /** What became of the last offer, for the reported state. */
  #last: Omit<SlotState, 'current' | 'previous' | 'candidate'> = {};
  #channels = 0;

  constructor(device: Device, name: string, settings: SlotSettings) {
    this.#device = device;
    this.name = name;
    this.#settings = settings;
    this.#server = new Server(device.tasks, {
      answered: (release, answer, window) => {
        this.#answered(release, answer, window);
      },
      failed: (release, rejection) => this.#failed(release, rejection),
      dropped: (window) => {
        this.#dropped(window);
      },
    });
  }

  /** Windows that are complete and have no answer yet. */
  get pendingWindows(): number {
    return this.#server.pending;
  }

  /** Windows that were complete since the start. */
  get completedWindows(): number {
    return this.#server.completed;
  }

  /** What the device reports of the slot. */
  get state(): SlotState {
    const { current, previous, candidate } = this.#record;
    return {
      ...(current && { current: current.sequence }),
      ...(previous && { previous: previous.sequence }),
      ...(candidate && { candidate: candidate.sequence }),
      ...this.#last,
    };
  }

  /** Whether a release is being brought in. */
  get busy(): boolean {
    return this.#offer !== undefined;
  }

  /**
   * Serves what was committed, or `previous` where that is damaged, and goes on with a candidate that
   * the last run left behind.
   */
  *boot(): Process<void> {
    for (;;) {
      const { current, previous } = this.#record;
      if (current === undefined) break;
      const loaded = yield* this.#load(current);
      if (loaded.ok) {
        this.#champion = loaded.value;
        yield* this.#serve(loaded.value);
        break;
      }
      this.#report('release-damaged', current, loaded.rejection);
      yield* this.#commit(() => ({ current: previous, previous: undefined }));
      if (this.#record.current === current) break;
    }
    const { candidate } = this.#record;
    if (candidate === undefined) return;
    const { phase, attempts, terms } = candidate;
    if (attempts < limits.trialAttempts) {
      this.#begin(candidate, terms);
      return;
    }
    yield* this.#end(
      this.#newOffer(candidate, terms),
      phase === 'trial' ? 'rolled-back' : 'rejected',
      refuse(
        'trial-attempts-exceeded',
        `its models were loaded ${attempts} times, and the device started anew each time`,
      ).rejection,
    );
  }

  /** Takes what a signed policy wants of this device: nothing to do, an offer, a refusal, a promotion. */
  desire(desire: Desire, policyVersion: number): void {
    // The same policy is retained and comes again with each session: what it named was dealt with.
    if (policyVersion === this.#policyVersion) return;
    this.#policyVersion = policyVersion;
    this.#desired = desire;
    this.#pursue(desire);
  }

  #pursue(desire: Desire): void {
    const { release } = desire;
    const offer = this.#offer;
    // A commit that was begun is carried through; what is desired is looked at again afterwards.
    if (offer?.release.manifest === release.manifest || offer?.committing === true) return;
    if (offer !== undefined) this.#withdraw(offer);
    const { current, previous } = this.#record;
    if (current?.manifest === release.manifest) {
      this.#device.tasks.run(this.#promote(desire));
      return;
    }
    const checked = checkOffer(this.#record, release);
    // What was committed here before has nothing to prove any more: the way back is short.
    const known = previous?.manifest === release.manifest;
    if (checked.ok) this.#begin(release, known ? shortestTrial : desire.terms);
    else this.#note(release, 'rejected', checked.rejection);
  }

  /**
   * A signed policy says that the current release is current for good: `previous` is given up, and the
   * floors rise. Nothing else raises them, so that until then there is a way back.
   */
  *#promote({ release, promoted }: Desire): Process<void> {
    const champion = this.#champion;
    const { current, previous, sequenceFloor } = this.#record;
    if (promoted === undefined || current === undefined || champion === undefined) return;
    if (current.manifest !== release.manifest || current.sequence !== promoted) return;
    if (sequenceFloor >= promoted && previous === undefined) return;
    const committed = yield* this.#commit((slot) => ({
      previous: undefined,
      sequenceFloor: Math.max(slot.sequenceFloor, promoted),
      epochFloor: Math.max(slot.epochFloor, champion.manifest.epoch),
    }));
    if (!committed.ok) {
      this.#report('state-not-saved', current, committed.rejection);
      return;
    }
    this.#report('promoted', current);
    this.#device.publishState();
    this.#device.collectGarbage();
  }

  /** Takes samples as they come. */
  samples(values: Float32Array): void {
    this.#server.push(values, this.#device.now().wallMs);
  }

  samplesRefused(rejection: Rejection): void {
    this.counters.refusedSamples++;
    // One line for each refused message would drown the rest; telemetry has the number.
    if (this.counters.refusedSamples === 1) this.#report('sample-refused', undefined, rejection);
  }

  get #record(): SlotRecord {
    return slotOf(this.#device.keeper.record, this.name);
  }

  #newOffer({ sequence, manifest }: StoredRelease, terms: TrialTerms): Offer {
    const offer: Offer = {
      release: { sequence, manifest },
      terms,
      phase: 'offered',
      task: undefined,
      loaded: undefined,
      trial: undefined,
      counted: false,
      committing: false,
    };
    this.#offer = offer;
    return offer;
  }

  #begin(release: StoredRelease, terms: TrialTerms): void {
    const offer = this.#newOffer(release, terms);
    this.#enter(offer, 'offered');
    offer.task = this.#device.tasks.run(this.#install(offer));
  }

  /** From the offer to its trial, again after what may pass by itself: a missing block, a full disk. */
  *#install(offer: Offer): Process<void> {
    for (let attempt = 1; ; attempt++) {
      const outcome = yield* this.#bringToTrial(offer);
      if (outcome.ok) return;
      offer.loaded = undefined;
      if (!isTransient(outcome.rejection.code)) {
        yield* this.#end(offer, 'rejected', outcome.rejection);
        return;
      }
      this.#enter(offer, 'fetching', outcome.rejection);
      yield* ask('wait', { delayMs: retryDelayMs(attempt) });
    }
  }

  *#bringToTrial(offer: Offer): Process<Result<void>> {
    const preparation: Preparation = {
      device: this.#device,
      slot: this.name,
      settings: this.#settings,
      release: offer.release,
      record: this.#record,
      enter: (phase) => {
        this.#enter(offer, phase);
      },
    };
    const admitted = yield* admitRelease(preparation);
    if (!admitted.ok) return admitted;
    const { manifest } = admitted.value;
    if (this.#champion !== undefined && isSameImage(this.#champion.manifest, manifest)) {
      return yield* this.#adopt(offer, this.#champion, manifest);
    }
    const fetched = yield* fetchRelease(preparation, admitted.value);
    if (!fetched.ok) return fetched;
    // Counted before its models are loaded: one that kills the process is known at the next start.
    const counted = yield* this.#keepCandidate(offer, 'verified', offer.counted ? 0 : 1);
    if (!counted.ok) return counted;
    offer.counted = true;
    const tested = yield* testRelease(preparation, admitted.value);
    if (!tested.ok) return tested;
    offer.loaded = tested.value;
    for (const phase of ['staged', 'trial'] as const) {
      const kept = yield* this.#keepCandidate(offer, phase, 0);
      if (!kept.ok) {
        yield* tested.value.unload();
        return kept;
      }
      this.#enter(offer, phase);
    }
    const { soakMs = 0, inferences = 0 } = this.#record.candidate ?? {};
    const { monotonicMs } = this.#device.now();
    offer.trial = new Trial(offer.terms, { soakMs, inferences }, monotonicMs);
    yield* this.#serve(tested.value);
    this.#watchTrial(offer, offer.trial);
    return accept(undefined);
  }

  /** Writes the candidate down with its phase; what it has shown so far stays. */
  *#keepCandidate(
    { release, terms }: Offer,
    phase: CandidatePhase,
    newAttempts: number,
  ): Process<Result<void>> {
    return yield* this.#commit(({ candidate }) => {
      const known = candidate?.manifest === release.manifest ? candidate : undefined;
      const { attempts = 0, soakMs = 0, inferences = 0 } = known ?? {};
      return {
        candidate: {
          ...release,
          phase,
          attempts: attempts + newAttempts,
          soakMs,
          inferences,
          terms,
        },
      };
    });
  }

  /** A later release with the running image: nothing to fetch, to test or to try; only the names change. */
  *#adopt(offer: Offer, champion: LoadedRelease, manifest: Manifest): Process<Result<void>> {
    offer.committing = true;
    const committed = yield* this.#commit(() => ({
      current: offer.release,
      candidate: undefined,
    }));
    offer.committing = false;
    if (!committed.ok) return committed;
    const adopted = champion.under(offer.release, manifest);
    this.#champion = adopted;
    this.#server.replace(adopted);
    this.#settled(offer);
    return accept(undefined);
  }

  /** Looks at a trial from time to time: whether it is over, how far it is, whether anything arrives at all. */
  #watchTrial(offer: Offer, trial: Trial): void {
    const device = this.#device;
    device.tasks.after(trial.nextLookMs(device.now().monotonicMs), () => {
      if (this.#offer !== offer || offer.trial !== trial || offer.committing) return;
      const { monotonicMs } = device.now();
      if (trial.isNewlyStarved(monotonicMs)) {
        this.#report('trial-starved', offer.release, {
          code: 'trial-starved',
          detail: `${trial.progress(monotonicMs).inferences} of ${offer.terms.inferences} windows`,
        });
      }
      if (!this.#commitIfPassed(offer, trial)) {
        device.tasks.run(this.#keepProgress(offer, trial));
        this.#watchTrial(offer, trial);
      }
    });
  }

  *#keepProgress(offer: Offer, trial: Trial): Process<void> {
    const progress = trial.progress(this.#device.now().monotonicMs);
    const proven = trial.inferencesInThisRun > 0;
    yield* this.#commit(({ candidate }) => {
      if (candidate === undefined || candidate.manifest !== offer.release.manifest) return {};
      // It has answered in this run, and the process is still there: its loads count anew.
      return { candidate: { ...candidate, ...progress, ...(proven && { attempts: 0 }) } };
    });
  }

  /** Commits a release whose trial is over; false where it is not. */
  #commitIfPassed(offer: Offer, trial: Trial): boolean {
    const { loaded } = offer;
    if (loaded === undefined || !trial.isPassed(this.#device.now().monotonicMs)) return false;
    offer.committing = true;
    this.#device.tasks.run(this.#commitOffer(offer, loaded));
    return true;
  }

  /** The pointer swap, and the sensor in the form that the pipeline wants. */
  *#serve(release: LoadedRelease): Process<void> {
    yield* this.#server.serve(release);
    const { channels } = release.manifest.pipeline.window;
    if (channels === this.#channels) return;
    this.#channels = channels;
    this.#device.tasks.tell('openSensor', { slot: this.name, channels });
  }

  #answered(release: LoadedRelease, answer: Answer, window: CompletedWindow): void {
    this.counters.answered(answer.latencyUs);
    const { topic, encode } = this.#settings.sink;
    const message = resultMessage(release, answer, window);
    this.#device.tasks.ask('publish', {
      topic: topic ?? this.#device.topics.results(this.#device.settings.deviceId, this.name),
      payload: encode === 'json' ? { json: message } : { cbor: message },
      retained: false,
    });
    const offer = this.#offer;
    if (offer?.trial === undefined || offer.loaded !== release || offer.committing) return;
    offer.trial.answered();
    this.#commitIfPassed(offer, offer.trial);
  }

  /** The trial is over: the release becomes current, and what was current can come back until a promotion. */
  *#commitOffer(offer: Offer, loaded: LoadedRelease): Process<void> {
    const committed = yield* this.#commit(({ current, previous }) => ({
      current: offer.release,
      // A release that was left for its predecessor is no way back.
      previous: previous?.manifest === offer.release.manifest ? undefined : current,
      candidate: undefined,
    }));
    if (!committed.ok) {
      this.#report('state-not-saved', offer.release, committed.rejection);
      yield* ask('wait', { delayMs: retryDelayMs(1) });
      offer.committing = false;
      return;
    }
    const before = this.#champion;
    this.#champion = loaded;
    this.#settled(offer);
    // Answers come one after the other: nothing is under way in the old instances any more.
    if (before !== undefined) yield* before.unload();
  }

  /** A release is committed: told, and what is desired is looked at again. */
  #settled(offer: Offer): void {
    this.#offer = undefined;
    this.#note(offer.release, 'committed');
    this.#device.collectGarbage();
    if (this.#desired !== undefined) this.#pursue(this.#desired);
  }

  *#failed(release: LoadedRelease, rejection: Rejection): Process<boolean> {
    this.counters.failures++;
    const offer = this.#offer;
    if (offer?.loaded === release && !offer.committing) {
      yield* this.#end(offer, 'rolled-back', rejection);
      return this.#champion !== undefined;
    }
    this.#report('inference-failed', release.stored, rejection);
    yield* release.unload();
    const loaded = yield* this.#load(release.stored);
    if (!loaded.ok) {
      this.#report('release-damaged', release.stored, loaded.rejection);
      return false;
    }
    if (this.#champion?.models === release.models) this.#champion = loaded.value;
    if (offer?.loaded === release) offer.loaded = loaded.value;
    this.#server.replace(loaded.value);
    return true;
  }

  /** Ends an offer: back to the champion at once, then the record, then the files. */
  *#end(offer: Offer, phase: 'rejected' | 'rolled-back', rejection: Rejection): Process<void> {
    const { loaded, release } = offer;
    this.#offer = undefined;
    if (loaded !== undefined && this.#server.served === loaded) {
      this.#server.replace(this.#champion);
      if (this.#champion !== undefined) yield* this.#serve(this.#champion);
    }
    yield* this.#commit((slot) => ({
      candidate: undefined,
      rejected: isHeldAgainst(rejection) ? withRejected(slot, release.manifest) : slot.rejected,
    }));
    this.#note(release, phase, rejection);
    if (loaded !== undefined) yield* loaded.unload();
    this.#device.collectGarbage();
  }

  /** A signed policy names another release: this one is no longer wanted, through no fault of its own. */
  #withdraw(offer: Offer): void {
    offer.task?.cancel();
    this.#device.tasks.run(
      this.#end(
        offer,
        offer.phase === 'trial' ? 'rolled-back' : 'rejected',
        refuse('offer-withdrawn', 'a newer policy names another release').rejection,
      ),
    );
  }

  #dropped(window: CompletedWindow): void {
    this.counters.dropped++;
    this.#device.report({
      event: 'window-dropped',
      slot: this.name,
      code: 'window-dropped',
      reason: `window ${window.number} got no answer`,
    });
  }

  *#load(stored: StoredRelease): Process<Result<LoadedRelease>> {
    const manifest = yield* readManifest(stored);
    if (!manifest.ok) return manifest;
    return yield* loadRelease(this.#device, this.#settings, stored, manifest.value);
  }

  *#commit(change: (slot: SlotRecord) => Partial<SlotRecord>): Process<Result<void>> {
    return yield* wait(
      this.#device.keeper.commit((record) =>
        withSlot(record, this.name, change(slotOf(record, this.name))),
      ),
    );
  }

  #enter(offer: Offer, phase: Phase, rejection?: Rejection): void {
    offer.phase = phase;
    this.#note(offer.release, phase, rejection);
  }

  #note(release: StoredRelease, phase: Phase, rejection?: Rejection): void {
    this.#last = {
      phase,
      release: release.sequence,
      ...(rejection && {
        code: rejection.code,
        reason: rejection.detail,
        remedy: codes[rejection.code].remedy,
      }),
    };
    this.#report(phase, release, rejection);
    this.#device.publishState();
  }

  #report(
    event: Parameters<Device['report']>[0]['event'],
    release: StoredRelease | undefined,
    rejection?: Rejection,
  ): void {
    this.#device.report({
      event,
      slot: this.name,
      ...(release && { release: release.sequence }),
      ...(rejection && { code: rejection.code, reason: rejection.detail }),
    });
  }
}
