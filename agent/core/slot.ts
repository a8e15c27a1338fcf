import type { Device, Phase, SlotSettings } from './device.js';
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
  type SlotRecord,
  type StoredRelease,
} from './state/record.js';
import { SlotCounters } from './telemetry/counters.js';
import { checkOffer } from './update/admission.js';
import { loadRelease, readManifest } from './update/load-release.js';
import { prepareRelease } from './update/prepare.js';
import { isHeldAgainst, isTransient, retryDelayMs } from './update/retry.js';

/** A release that the slot is busy with, from its offer until it is committed, rolled back or rejected. */
interface Offer {
  readonly release: StoredRelease;
  phase: Phase;
  task: Task | undefined;
  /** Its models, from its self-test on. */
  loaded: LoadedRelease | undefined;
  committing: boolean;
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
  /** What the slot's policy named last for this device. */
  #desired: StoredRelease | undefined;
  /** The version of the policy that was dealt with in this run. */
  #policyVersion = 0;
  /** What became of the last offer, for the reported state. */
  #last: Pick<SlotState, 'phase' | 'release' | 'code'> = {};
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
    if (candidate.phase === 'trial' && candidate.attempts >= limits.trialAttempts) {
      const offer = this.#newOffer(candidate);
      yield* this.#end(
        offer,
        'rolled-back',
        refuse('trial-attempts-exceeded', `${candidate.attempts} starts ended in its trial`)
          .rejection,
      );
    } else {
      this.#begin(candidate);
    }
  }

  /** Takes the release that a signed policy names for this device: nothing to do, an offer, or a refusal. */
  desire(release: StoredRelease, policyVersion: number): void {
    // The same policy is retained and comes again with each session: what it named was dealt with.
    if (policyVersion === this.#policyVersion) return;
    this.#policyVersion = policyVersion;
    this.#desired = release;
    this.#pursue(release);
  }

  #pursue(release: StoredRelease): void {
    const offer = this.#offer;
    // A commit that was begun is carried through; what is desired is looked at again afterwards.
    if (offer?.release.manifest === release.manifest || offer?.committing === true) return;
    if (offer !== undefined) this.#withdraw(offer);
    if (this.#record.current?.manifest === release.manifest) return;
    const checked = checkOffer(this.#record, release);
    if (checked.ok) this.#begin(release);
    else this.#note(release, 'rejected', checked.rejection);
  }

  /** Takes samples as they come. */
  samples(values: Float32Array): void {
    const shape = this.#server.shape;
    // A picture of another size would begin the window of the next one, and all after it would be cut.
    if (this.#settings.pictures === true && shape !== undefined) {
      const expected = shape.frames * shape.channels;
      if (values.length !== expected) {
        const detail = `a picture of ${values.length} values, the release takes ${expected}`;
        this.samplesRefused({ code: 'picture-invalid', detail });
        return;
      }
    }
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

  #newOffer(release: StoredRelease): Offer {
    const { sequence, manifest } = release;
    const offer: Offer = {
      release: { sequence, manifest },
      phase: 'offered',
      task: undefined,
      loaded: undefined,
      committing: false,
    };
    this.#offer = offer;
    return offer;
  }

  #begin(release: StoredRelease): void {
    const offer = this.#newOffer(release);
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
    const prepared = yield* prepareRelease({
      device: this.#device,
      slot: this.name,
      settings: this.#settings,
      release: offer.release,
      record: this.#record,
      enter: (phase) => {
        this.#enter(offer, phase);
      },
    });
    if (!prepared.ok) return prepared;
    offer.loaded = prepared.value;
    for (const phase of ['staged', 'trial'] as const) {
      const known = this.#record.candidate;
      const before = known?.manifest === offer.release.manifest ? known : undefined;
      const { attempts = 0, soakMs = 0, inferences = 0 } = before ?? {};
      const committed = yield* this.#commit(() => ({
        candidate: {
          ...offer.release,
          phase,
          attempts: phase === 'trial' ? attempts + 1 : attempts,
          soakMs,
          inferences,
        },
      }));
      if (!committed.ok) {
        yield* prepared.value.unload();
        return committed;
      }
      this.#enter(offer, phase);
    }
    yield* this.#serve(prepared.value);
    return accept(undefined);
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
    if (offer?.loaded !== release || offer.committing) return;
    offer.committing = true;
    this.#device.tasks.run(this.#commitOffer(offer, release));
  }

  /** The first good inference after the self-test commits the release. */
  *#commitOffer(offer: Offer, loaded: LoadedRelease): Process<void> {
    const committed = yield* this.#commit(({ current }) => ({
      current: offer.release,
      previous: current,
      candidate: undefined,
    }));
    if (!committed.ok) {
      this.#report('state-not-saved', offer.release, committed.rejection);
      yield* ask('wait', { delayMs: retryDelayMs(1) });
      offer.committing = false;
      return;
    }
    const before = this.#champion;
    // It may have been loaded anew while the record was being written.
    this.#champion = offer.loaded ?? loaded;
    this.#offer = undefined;
    this.#note(offer.release, 'committed');
    // Answers come one after the other: nothing is under way in the old instances any more.
    if (before !== undefined) yield* before.unload();
    this.#device.collectGarbage();
    if (this.#desired !== undefined) this.#pursue(this.#desired);
  }

  *#failed(release: LoadedRelease, rejection: Rejection): Process<boolean> {
    this.counters.failures++;
    const offer = this.#offer;
    if (offer?.loaded === release && !offer.committing) {
      yield* this.#end(offer, 'rolled-back', rejection);
      yield* release.unload();
      return this.#champion !== undefined;
    }
    // Withdrawn while it was answering: the window goes to whatever is served now.
    if (release !== this.#champion && release !== offer?.loaded) {
      return this.#server.served !== undefined && this.#server.served !== release;
    }
    this.#report('inference-failed', release.stored, rejection);
    yield* release.unload();
    const loaded = yield* this.#load(release.stored);
    if (!loaded.ok) {
      this.#report('release-damaged', release.stored, loaded.rejection);
      return false;
    }
    if (this.#champion === release) this.#champion = loaded.value;
    if (offer?.loaded === release) offer.loaded = loaded.value;
    this.#server.replace(loaded.value);
    return true;
  }

  /** Ends an offer: back to the champion at once, then the record, then the files. Its models stay loaded. */
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
    this.#device.collectGarbage();
  }

  /** A signed policy names another release: this one is no longer wanted, through no fault of its own. */
  #withdraw(offer: Offer): void {
    offer.task?.cancel();
    this.#device.tasks.run(this.#retire(offer));
  }

  *#retire(offer: Offer): Process<void> {
    yield* this.#end(
      offer,
      offer.phase === 'trial' ? 'rolled-back' : 'rejected',
      refuse('offer-withdrawn', 'a newer policy names another release').rejection,
    );
    if (offer.loaded === undefined) return;
    // In its trial it may be answering a window at this moment.
    yield* this.#server.settled();
    yield* offer.loaded.unload();
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
      ...(rejection && { code: rejection.code }),
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
