import type { Scheduler } from '../../agent/ports/scheduler.js';
import { CodedError } from '../../protocol/coded-error.js';
import { isRenewalDue } from '../publish/next-beacon.js';
import { publishPolicy, renewBeacon } from '../publish/publish-policy.js';
import type { PublishTools } from '../publish/publish-tools.js';
import { readStanding } from '../publish/standing.js';
import {
  nextMove,
  overrule,
  withMessage,
  withRequest,
  type DeviceMessage,
  type Move,
} from './controller.js';
import type { RequestBox } from './requests.js';
import { policyOf } from './rollout-policy.js';
import type { RolloutStore } from './rollout-store.js';
import { isOver, type Rollout } from './rollout.js';
import type { VerdictRecord } from './verdict.js';

/** The world of a rollout's controller. */
export interface RolloutWorld {
  readonly publish: Omit<PublishTools, 'wallMs'>;
  readonly store: RolloutStore;
  readonly requests: RequestBox;
  readonly scheduler: Scheduler;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Calls the listener with the validated messages of the enrolled devices, until it is ended. */
  readonly listen: (listener: (deviceId: string, heard: DeviceMessage) => void) => () => void;
  /** Called with each verdict that something was done about. */
  readonly decided: (rollout: Rollout, verdict: VerdictRecord) => void;
  /** Called after each look at the evidence. */
  readonly progress: (rollout: Rollout) => void;
  /** Ends the controller; the rollout stays where it is, and can be gone on with. */
  readonly signal: AbortSignal;
}

const lookMs = 250;

/** Between two looks at the beacon: often enough, for one is good for a month. */
const beaconLooks = 240;

/**
 * Runs a rollout to its end, or until it is told to stop. What is decided is on disk before it is
 * published, and what is on disk is published anew at the start: a controller that dies in between loses
 * nothing.
 */
export async function runRollout(begun: Rollout, world: RolloutWorld): Promise<Rollout> {
  let rollout = begun;
  const { store, requests, now } = world;
  const publish = (): Promise<unknown> =>
    publishPolicy(policyOf(rollout), { ...world.publish, wallMs: now() });
  let written: Rollout | undefined;
  const write = (): void => {
    // What devices report is not retained: heard and not written down, it would be gone with this process.
    if (rollout !== written) store.write(rollout);
    written = rollout;
  };
  write();
  await publish();
  const stopListening = world.listen((deviceId, heard) => {
    rollout = withMessage(rollout, deviceId, heard);
  });
  try {
    for (let looks = 1; !isOver(rollout) && !world.signal.aborted; looks++) {
      await pause(world.scheduler, lookMs);
      if (looks % beaconLooks === 0) await keepFresh({ ...world.publish, wallMs: now() });
      const request = requests.look();
      let move: Move | undefined;
      // What a person wants comes before what the evidence asks for.
      if (request === undefined) move = nextMove(rollout, now());
      else if (request === 'abort' || request === 'promote') {
        move = overrule(rollout, request, now());
      } else rollout = withRequest(rollout, request, now());
      rollout = move?.rollout ?? rollout;
      write();
      if (move?.publishes === true) await publish();
      if (request !== undefined) requests.clear();
      if (move !== undefined) world.decided(rollout, move.verdict);
      world.progress(rollout);
    }
  } finally {
    stopListening();
    write();
  }
  return rollout;
}

/** Renews the beacon in time. A broker that is away now will be there in a minute: half a month is left. */
async function keepFresh(tools: PublishTools): Promise<void> {
  try {
    const { beacon } = readStanding(tools);
    if (beacon !== undefined && isRenewalDue(beacon.content, tools.wallMs)) {
      await renewBeacon(tools);
    }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    tools.notice(`the beacon could not be renewed: ${error.message}`);
  }
}

function pause(scheduler: Scheduler, delayMs: number): Promise<void> {
  return new Promise((resolve) => scheduler.after(delayMs, resolve));
}
