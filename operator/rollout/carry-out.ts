import { CodedError } from '../../protocol/coded-error.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import { publishPolicy } from '../publish/publish-policy.js';
import type { PublishTools } from '../publish/publish-tools.js';
import { isInForce } from './begin-rollout.js';
import { overrule, withRequest } from './controller.js';
import { TransientKeyring } from './keyring.js';
import type { RequestBox, RolloutRequest } from './requests.js';
import { RolloutFleet } from './rollout-fleet.js';
import { policyOf } from './rollout-policy.js';
import type { RolloutStore } from './rollout-store.js';
import { isOver, type Rollout } from './rollout.js';

const lookMs = 100;
/** A controller may be waiting for its turn in the key folder, and for its broker. */
const patienceMs = 60_000;

/** A rollout that somebody may still want something of. Throws `rollout-missing` and `rollout-over`. */
export function readOpenRollout(store: RolloutStore, slot: string): Rollout {
  const rollout = store.read(slot);
  if (!isOver(rollout)) return rollout;
  const { sequence } = rollout.challenger;
  throw new CodedError('rollout-over', `release ${sequence} of ${slot} is ${rollout.status}`);
}

/**
 * Carries a request out where no controller runs; the lock of the rollout is the caller's. An abort leaves
 * the broker alone where another policy was published since; a promotion throws `rollout-superseded` there.
 */
export async function carryOut(
  request: RolloutRequest,
  slot: string,
  store: RolloutStore,
  connect: () => Promise<PublishTools>,
): Promise<Rollout> {
  const rollout = readOpenRollout(store, slot);
  if (request === 'pause' || request === 'resume') {
    const changed = withRequest(rollout, request);
    store.write(changed);
    return changed;
  }
  const tools = await connect();
  const inForce = await isInForce(rollout, tools);
  if (!inForce && request === 'promote') {
    throw new CodedError('rollout-superseded', `release ${rollout.challenger.sequence} of ${slot}`);
  }
  // Nobody has heard the fleet here: a person decides, and the record says so.
  const fleet = new RolloutFleet(rollout, tools.crypto, new TransientKeyring());
  const time = { wallMs: tools.wallMs, monotonicMs: 0, askedMs: 0 };
  const { rollout: decided, verdict } = overrule(rollout, fleet, request, time);
  store.chainOf(rollout).write(verdict);
  // On disk first: what is over there and not published yet is published by `rollout start`.
  store.write(decided);
  if (inForce) await publishPolicy(policyOf(decided), tools);
  return decided;
}

/** Asks the controller, which is another process, and waits. Throws `rollout-unanswered`. */
export async function askController(
  request: RolloutRequest,
  requests: RequestBox,
  scheduler: Scheduler,
): Promise<void> {
  requests.put(request);
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += lookMs) {
    await new Promise<void>((resolve) => scheduler.after(lookMs, resolve));
    if (requests.look() === undefined) return;
  }
  // Nobody is to be surprised by it later.
  requests.clear();
  throw new CodedError('rollout-unanswered', request);
}
