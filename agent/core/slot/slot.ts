import type { CaptureStore } from '../capture/capture-store.js';
import type { SlotSettings } from '../settings.js';
import { comparisonOf } from '../../../protocol/assignment/comparison.js';
import { shortestTrial, type Policy } from '../../../protocol/documents/policy.js';
import type { Device } from '../device.js';
import { parseLabelMessage } from '../../../protocol/messages/label.js';
import type { SlotState } from '../../../protocol/messages/state.js';
import type { KeptDisagreement } from '../../../protocol/messages/response.js';
import type { ReportMessage } from '../../../protocol/messages/report.js';
import type { Process } from '../process.js';
import { accept, type Rejection, type Result } from '../../../protocol/result.js';
import { Candidacy } from './candidacy.js';
import { SlotLedger } from './ledger.js';
import { desireOf, storedRelease, type Desire } from './desire.js';
import type { Purpose } from './offer.js';
import { Service } from './service.js';
import type { StoredRelease } from '../state/record.js';
import type { SlotCounters } from '../telemetry/counters.js';
import { checkOffer } from '../update/admission.js';
import { isRevisable } from '../update/retry.js';

/**
 * A named place for one job. It serves the champion, and takes one release at a time from its offer
 * through trial to commit, or back.
 *
 * Invariants: what is served was verified in this run of the process; the champion stays loaded until its
 * successor is committed; the record on disk changes before whatever relies on it.
 */
export class Slot {
  readonly name: string;
  readonly #device: Device;
  readonly #settings: SlotSettings;
  readonly #ledger: SlotLedger;
  readonly #service: Service;
  readonly #candidacy: Candidacy;
  /** The policy that was dealt with last in this run. */
  #policy: Policy | undefined;
  /** What it wants of this device. */
  #desired: Desire | undefined;
  /** The session in which it came last. */
  #session: number | undefined;

  constructor(device: Device, name: string, settings: SlotSettings) {
    this.#device = device;
    this.#settings = settings;
    this.name = name;
    this.#ledger = new SlotLedger(device, name);
    this.#service = new Service(device, this.#ledger, settings, {
      answered: (window) => {
        this.#candidacy.answered(window);
      },
      failed: (release, rejection) => this.#candidacy.failed(release, rejection),
      mismatched: (release, rejection) => this.#candidacy.mismatched(release, rejection),
      reloaded: (before, after) => this.#candidacy.reloaded(before, after),
      restored: () => {
        this.#consider();
      },
      worseOff: () => {
        this.#stepAside();
      },
      turned: () => {
        this.#consider();
      },
      caughtUp: () => {
        this.#consider();
      },
    });
    this.#candidacy = new Candidacy(device, this.#ledger, this.#service, settings, () => {
      this.#consider();
    });
  }

  get counters(): SlotCounters {
    return this.#service.counters;
  }

  /** Windows that are complete and have no answer yet. */
  get pendingWindows(): number {
    return this.#service.pendingWindows;
  }

  /** Windows that were complete since the start. */
  get completedWindows(): number {
    return this.#service.completedWindows;
  }

  /** What the device reports of the slot. */
  get state(): SlotState {
    const truth = this.#settings.labelsTopic;
    return { ...this.#ledger.state, ...(truth !== undefined && { truth }) };
  }

  /** What was seen since the last call; undefined where that is nothing. */
  takeEvidence(): Pick<ReportMessage, 'releases' | 'pairs' | 'labelsRefused'> | undefined {
    return this.#service.book.take();
  }

  /**
   * Serves what was committed, or `previous` where that is damaged, and goes on with a candidate that the
   * last run left on trial. A comparison in the shadow goes on when the policy says so again.
   */
  *boot(): Process<void> {
    this.#device.tasks.run(this.#service.evidence.open());
    this.#device.tasks.run(this.#service.capture.open());
    yield* this.#service.begin();
    const { candidate } = this.#ledger.record;
    if (candidate === undefined || candidate.phase === 'shadow') return;
    this.#candidacy.begin(candidate, { kind: 'serve', trial: candidate.terms });
  }

  /** Reports a factory release that could not serve, before it has to. */
  *checkFactory(): Process<void> {
    yield* this.#service.checkFactory();
  }

  /** Tells where the files of what serves are gone. */
  *checkFiles(): Process<void> {
    yield* this.#service.checkFiles();
  }

  /** Takes what a signed policy wants of this device: nothing to do, an offer, a refusal, a promotion. */
  follow(policy: Policy): void {
    const { session } = this.#device.exchange;
    // The same policy is retained and comes again with each session: what it named was dealt with.
    if (policy.version === this.#policy?.version) {
      if (session !== this.#session) this.#tryAgain();
      this.#session = session;
      return;
    }
    this.#session = session;
    this.#policy = policy;
    if (policy.evidence !== undefined) this.#service.driftFleetSize(policy.evidence.devices);
    this.#consider();
  }

  /** The samples of windows on which the two differ. */
  get capture(): CaptureStore {
    return this.#service.capture;
  }

  /** The windows on which the two differ that are kept, the oldest first. */
  keptDisagreements(): readonly KeptDisagreement[] {
    return this.#service.evidence.disagreements;
  }

  /** A report goes out: what is found out by now is written down and published. */
  publishEvidence(): void {
    this.#service.evidence.publish(this.#service.committed?.stored);
  }

  /** The device ends in order. */
  *leave(): Process<void> {
    yield* this.#service.evidence.leave();
    yield* this.#candidacy.leave();
    yield* this.#service.keep();
  }

  /** Another beacon is the newest: its floors are met by what runs here, and what they refused may be allowed now. */
  beaconChanged(): void {
    this.#device.tasks.run(this.#raiseFloors());
    const { code } = this.#ledger.state;
    const wasBelow = code === 'sequence-below-floor' || code === 'epoch-below-floor';
    if (wasBelow && this.#desired !== undefined && this.#candidacy.offer === undefined) {
      this.#pursue(this.#desired);
    }
  }

  /** The clock was set: what a wrong one kept back or refused is looked at again. */
  clockJumped(): void {
    this.#tryAgain();
  }

  /** Listens to true labels, where the owner of the device knows where they come from. */
  listenToLabels(topic: string): void {
    this.#device.exchange.subscribe(topic, {
      message: (payload) => {
        const taken = this.#takeLabel(payload);
        if (!taken.ok) this.#service.labelRefused(taken.rejection);
      },
      refused: (rejection) => {
        this.#ledger.report('topic-refused', undefined, rejection);
      },
    });
  }

  /** The device is about to stop: what waits for its answer gets none any more. */
  giveUp(): void {
    this.#service.giveUp();
  }

  /** Takes samples as they come. */
  samples(values: Float32Array): void {
    this.#service.samples(values);
  }

  /** What comes next belongs to no common window with what came before. */
  samplesInterrupted(): void {
    this.#service.samplesInterrupted();
  }

  samplesRefused(rejection: Rejection): void {
    this.#service.samplesRefused(rejection);
  }

  #takeLabel(payload: Uint8Array): Result<void> {
    const message = parseLabelMessage(payload);
    if (!message.ok) return message;
    const { slot } = message.value;
    if (slot !== undefined && slot !== this.name) return accept(undefined);
    return this.#service.labelled(message.value);
  }

  /** Looks at what the policy wants, by what the device knows of itself. */
  #consider(): void {
    const policy = this.#policy;
    if (policy === undefined) return;
    const standing = this.#service.evidence.standingIn(comparisonOf(policy));
    const desire = desireOf(policy, this.#device.settings.deviceId, standing);
    this.#desired = desire;
    this.#ledger.staysBehind = desire.staysBehind;
    this.#service.evidence.want(desire.comparison);
    this.#pursue(desire);
  }

  /**
   * The device finds that it is worse off with the challenger: it stays with the champion, or goes back to it, whether or not
   * anybody hears of it. Where the policy did not come in this run, what was committed before is the champion.
   */
  #stepAside(): void {
    const { comparison } = this.#service.evidence;
    const { current, previous } = this.#ledger.record;
    if (comparison === undefined) return;
    const { champion, challenger } = comparison;
    if (this.#policy !== undefined) {
      this.#ledger.report('stepped-aside', storedRelease(challenger));
      this.#consider();
      return;
    }
    const before = storedRelease(champion);
    const isServed = current?.manifest === storedRelease(challenger).manifest;
    if (!isServed || previous?.manifest !== before.manifest) return;
    this.#ledger.report('stepped-aside', storedRelease(challenger));
    this.#pursue({
      release: before,
      trial: shortestTrial,
      challenger: undefined,
      promoted: undefined,
      staysBehind: false,
      comparison: undefined,
    });
  }

  /** Clock, keys, disk or broker may be others now. */
  #tryAgain(): void {
    this.#candidacy.tryAgain();
    const { code } = this.#ledger.state;
    if (this.#desired === undefined || this.#candidacy.offer !== undefined) return;
    if (code !== undefined && isRevisable(code)) this.#pursue(this.#desired);
  }

  #pursue(desire: Desire): void {
    this.#device.tasks.run(this.#raiseFloors());
    const { current } = this.#ledger.record;
    const serves = current?.manifest === desire.release.manifest;
    if (serves) this.#device.tasks.run(this.#promote(desire));
    const wanted = serves ? desire.challenger?.release : desire.release;
    const kind = serves ? 'shadow' : 'serve';
    const { offer } = this.#candidacy;
    if (offer === undefined) {
      this.#device.tasks.run(this.#candidacy.forget(wanted));
      // Where the power failed after a commit, its files may be there still.
      if (wanted === undefined) this.#device.collectGarbage();
      this.#offerWanted(desire, wanted, kind);
      return;
    }
    // A commit that was begun is carried through; what is desired is looked at again afterwards.
    if (offer.phase === 'committing') return;
    if (offer.release.manifest !== wanted?.manifest) this.#candidacy.withdraw(offer);
    else if (offer.purpose.kind === kind) {
      const revised = this.#purpose(desire, kind);
      if (revised !== undefined) this.#device.tasks.run(this.#candidacy.revise(offer, revised));
      return;
    } else {
      this.#device.tasks.run(this.#candidacy.drop(offer));
    }
    this.#offerWanted(desire, wanted, kind);
  }

  #offerWanted(desire: Desire, wanted: StoredRelease | undefined, kind: Purpose['kind']): void {
    if (wanted === undefined) return;
    const checked = checkOffer(this.#ledger.bounds, wanted);
    if (!checked.ok) {
      this.#ledger.note(wanted, 'rejected', checked.rejection);
      return;
    }
    const purpose = this.#purpose(desire, kind);
    if (purpose !== undefined) this.#candidacy.begin(wanted, purpose);
  }

  /** What a desire demands of what it wants served, or of what it wants compared, if it does. */
  #purpose({ release, trial, challenger }: Desire, kind: Purpose['kind']): Purpose | undefined {
    if (kind === 'shadow') return challenger && { kind, shadow: challenger.terms };
    // What was committed here before has nothing to prove any more: the way back is short.
    const known = this.#ledger.record.previous?.manifest === release.manifest;
    return { kind, trial: known ? shortestTrial : trial };
  }

  /**
   * A signed policy says that the current release is current for good: `previous` is given up, and the
   * floors rise. Until then there is a way back.
   */
  *#promote({ release, promoted }: Desire): Process<void> {
    const { committed: champion } = this.#service;
    const { current, previous, sequenceFloor } = this.#ledger.record;
    if (promoted === undefined || current === undefined || champion === undefined) return;
    if (current.manifest !== release.manifest || current.sequence !== promoted) return;
    if (sequenceFloor >= promoted && previous === undefined) return;
    let isCurrent = false;
    const committed = yield* this.#ledger.commit((slot) => {
      // A successor may have been committed meanwhile, or another one may have had to take its place.
      isCurrent = slot.current?.manifest === current.manifest;
      if (!isCurrent) return undefined;
      return {
        previous: undefined,
        sequenceFloor: Math.max(slot.sequenceFloor, promoted),
        epochFloor: Math.max(slot.epochFloor, champion.manifest.epoch),
      };
    });
    if (!committed.ok) {
      this.#ledger.report('state-not-saved', current, committed.rejection);
      return;
    }
    if (!isCurrent) return;
    this.#ledger.report('promoted', current);
    this.#device.publishState();
    this.#device.collectGarbage();
  }

  /**
   * The floors that the beacon names bind offers at once, and rise on the record as soon as what runs here meets them, so
   * that they hold without the beacon: after `state-lost`, or where the promoting policy is no more. A policy that promotes
   * raises them itself. The word of the beacon alone could keep every release out for good.
   */
  *#raiseFloors(): Process<void> {
    const desired = this.#desired;
    if (desired === undefined || desired.promoted !== undefined || desired.staysBehind) return;
    const { committed: champion } = this.#service;
    const { current, sequenceFloor, epochFloor } = this.#ledger.record;
    if (current === undefined || champion?.stored.manifest !== current.manifest) return;
    const { promotedFloor, epochFloor: namedEpoch } = this.#device.floorsOf(this.name);
    const met = {
      sequenceFloor: current.sequence >= promotedFloor ? promotedFloor : 0,
      epochFloor: champion.manifest.epoch >= namedEpoch ? namedEpoch : 0,
    };
    if (met.sequenceFloor <= sequenceFloor && met.epochFloor <= epochFloor) return;
    const committed = yield* this.#ledger.commit((slot) => ({
      sequenceFloor: Math.max(slot.sequenceFloor, met.sequenceFloor),
      epochFloor: Math.max(slot.epochFloor, met.epochFloor),
    }));
    if (!committed.ok) this.#ledger.report('state-not-saved', current, committed.rejection);
  }
}
