import type { Scheduler } from '../../agent/ports/scheduler.js';
import { CodedError } from '../../protocol/coded-error.js';
import { encodePolicy } from '../../protocol/documents/policy.js';
import { sameBytes } from '../../protocol/bytes.js';
import { isRenewalDue } from '../publish/next-beacon.js';
import { publishPolicy, renewBeacon } from '../publish/publish-policy.js';
import type { PublishTools } from '../publish/publish-tools.js';
import { readStanding } from '../publish/standing.js';
import {
  lookAtRollout,
  overrule,
  withEnrolled,
  withRequest,
  withTime,
  type Move,
} from './controller.js';
import type { DeviceListener } from './fleet-ears.js';
import type { Keyring } from './keyring.js';
import type { RequestBox } from './requests.js';
import { RolloutFleet } from './rollout-fleet.js';
import { policyOf } from './rollout-policy.js';
import type { RolloutStore } from './rollout-store.js';
import { isOver, type Rollout, type RolloutDevice } from './rollout.js';
import type { VerdictRecord } from './verdict-record.js';

/** The world of a rollout's controller. */
export interface RolloutWorld {
  readonly publish: Omit<PublishTools, 'wallMs'>;
  readonly store: RolloutStore;
  readonly requests: RequestBox;
  readonly keyring: Keyring;
  readonly scheduler: Scheduler;
  /** Milliseconds since the epoch: for people, and for what is signed. */
  readonly now: () => number;
  /** Milliseconds by a clock that nobody sets: how long a step has lasted, and who is silent. */
  readonly monotonicMs: () => number;
  /** Calls the listener with the messages of the enrolled devices, until it is ended. */
  readonly listen: (listener: DeviceListener) => () => void;
  /** The enrolled devices as they are now, and how to hear those that the rollout did not begin with. */
  readonly enrolled: () => readonly RolloutDevice[];
  readonly hear: (deviceIds: readonly string[]) => void;
  /** Called with each verdict that something was done about. */
  readonly decided: (rollout: Rollout, verdict: VerdictRecord) => void;
  /** Called after each look at the evidence. */
  readonly progress: (rollout: Rollout) => void;
  /** Ends the controller; the rollout stays where it is, and can be gone on with. */
  readonly signal: AbortSignal;
}

/** How soon what a person asks for is seen, where the fleet is looked at less often. */
const mostPauseMs = 1_000;

const leastLookMs = 250;

/** Devices report once in a period: looks that are much closer see little that is new. */
const looksInReport = 12;

/** Large fleets are looked at less often, so that looking costs about the same. */
const lookMsOfDevice = 1;

/** Between two writes of what only says how far it is. */
const writeMs = 10_000;

/** Between two looks at what changes seldom: the beacon, which is good for a month, and who is enrolled. */
const upkeepMs = 60_000;

/**
 * Runs a rollout to its end, or until it is told to stop. What is decided is on disk before it is
 * published, and what is on disk and was not published is published at the start: a controller that dies in between loses
 * nothing. What devices have found out they say again by what they keep on the broker.
 */
export function runRollout(begun: Rollout, world: RolloutWorld): Promise<Rollout> {
  return new Controller(begun, world).run();
}

class Controller {
  readonly #world: RolloutWorld;
  readonly #fleet: RolloutFleet;
  /** Between two looks at the fleet. */
  readonly #lookMs: number;
  #rollout: Rollout;
  #written: Rollout | undefined;
  #writtenMs = 0;
  #lookedMs: number;
  #askedMs: number;
  #keptMs: number;

  constructor(begun: Rollout, world: RolloutWorld) {
    this.#rollout = begun;
    this.#world = world;
    this.#fleet = new RolloutFleet(begun, world.publish.crypto, world.keyring);
    const { roster, plan } = begun;
    this.#lookMs = Math.max(
      leastLookMs,
      lookMsOfDevice * roster.length,
      plan.reportMs / looksInReport,
    );
    const nowMs = world.monotonicMs();
    this.#lookedMs = nowMs;
    this.#askedMs = nowMs;
    this.#keptMs = nowMs;
  }

  async run(): Promise<Rollout> {
    const { listen, scheduler, signal, progress, monotonicMs } = this.#world;
    this.#write();
    await this.#publish();
    const stopListening = listen((deviceId, heard, isLive) => {
      this.#fleet.take(deviceId, heard, isLive, monotonicMs());
    });
    const pauseMs = Math.min(this.#lookMs, mostPauseMs);
    try {
      while (!isOver(this.#rollout) && !signal.aborted) {
        await new Promise<void>((resolve) => scheduler.after(pauseMs, resolve));
        await this.#keepUp();
        await this.#look();
        progress(this.#rollout);
      }
    } finally {
      stopListening();
      this.#write();
    }
    return this.#rollout;
  }

  async #look(): Promise<void> {
    const { requests, keyring, monotonicMs, now, decided } = this.#world;
    const nowMs = monotonicMs();
    const request = requests.look();
    if (request === undefined && nowMs - this.#lookedMs < this.#lookMs) return;
    const time = { wallMs: now(), monotonicMs: nowMs, askedMs: this.#askedMs };
    this.#rollout = withTime(this.#rollout, nowMs - this.#lookedMs);
    this.#lookedMs = nowMs;
    let next: Rollout;
    let move: Move | undefined;
    // What a person wants comes before what the evidence asks for.
    if (request === 'abort' || request === 'promote') {
      move = overrule(this.#rollout, this.#fleet, request, time);
      next = move.rollout;
    } else {
      const looked = lookAtRollout(this.#rollout, this.#fleet, time);
      move = request === undefined ? looked.move : undefined;
      next = request === undefined ? looked.rollout : withRequest(this.#rollout, request);
    }
    keyring.save();
    // The rollout names it from now on: where it cannot be written, nothing was decided.
    if (move !== undefined) this.#world.store.chainOf(next).write(move.verdict);
    this.#rollout = next;
    if (move !== undefined || request !== undefined || this.#isWriteDue(nowMs)) this.#write();
    if (move?.publishes === true) {
      await this.#publish();
      this.#askedMs = monotonicMs();
    }
    if (request !== undefined) requests.clear();
    if (move !== undefined) decided(this.#rollout, move.verdict);
  }

  /** What must not be forgotten is written at once, and how far the step is now and then. */
  #isWriteDue(nowMs: number): boolean {
    const [a, b] = [this.#rollout, this.#written];
    const isNews =
      a.failed !== b?.failed ||
      a.lives !== b.lives ||
      a.present !== b.present ||
      a.enrolled !== b.enrolled ||
      a.left !== b.left;
    return isNews || nowMs - this.#writtenMs >= writeMs;
  }

  #write(): void {
    this.#world.store.write(this.#rollout);
    this.#written = this.#rollout;
    this.#writtenMs = this.#world.monotonicMs();
  }

  /** Publishes what the step asks for, where that is not what was published last, and writes down its version. */
  async #publish(): Promise<void> {
    const { publish, now } = this.#world;
    const tools = { ...publish, wallMs: now() };
    const wanted = policyOf(this.#rollout);
    const standing = readStanding(tools).policies.get(wanted.slot)?.content;
    const isSame =
      standing !== undefined &&
      sameBytes(encodePolicy(standing), encodePolicy({ ...wanted, version: standing.version }));
    const version = isSame ? standing.version : (await publishPolicy(wanted, tools)).policyVersion;
    if (this.#rollout.fromPolicy !== 0) return;
    this.#rollout = { ...this.#rollout, fromPolicy: version };
    this.#write();
  }

  /** Looks after what changes seldom. A broker or a file that is away now will be there in a minute. */
  async #keepUp(): Promise<void> {
    const { publish, keyring, now, monotonicMs } = this.#world;
    if (monotonicMs() - this.#keptMs < upkeepMs) return;
    this.#keptMs = monotonicMs();
    const tools = { ...publish, wallMs: now() };
    try {
      this.#meetEnrolled();
      if (keyring.refresh()) this.#fleet.meetAgain();
      const { beacon } = readStanding(tools);
      if (beacon !== undefined && isRenewalDue(beacon.content, tools.wallMs)) {
        await renewBeacon(tools);
      }
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      tools.notice(`looked after later: ${error.message}`);
    }
  }

  #meetEnrolled(): void {
    const before = this.#rollout.enrolled.length;
    this.#rollout = withEnrolled(this.#rollout, this.#world.enrolled());
    const added = this.#rollout.enrolled.slice(before).map(({ deviceId }) => deviceId);
    if (added.length === 0) return;
    for (const deviceId of added) this.#fleet.admit(deviceId);
    this.#world.hear(added);
  }
}
