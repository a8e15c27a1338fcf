import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import { fromHex, toHex } from '../../../protocol/bytes.js';
import { sealSign1 } from '../../../protocol/cose/sign1.js';
import { encodeEvidence, type Block, type Evidence } from '../../../protocol/messages/evidence.js';
import { exposuresOf } from '../../../operator/rollout/exposures.js';
import { TransientKeyring } from '../../../operator/rollout/keyring.js';
import { RolloutFleet } from '../../../operator/rollout/rollout-fleet.js';
import {
  begun,
  defaultPlanTerms,
  type Rollout,
  type RolloutPlan,
} from '../../../operator/rollout/rollout.js';
import { createSeededKey } from '../../../simulator/ports/seeded-key.js';

export const plan: RolloutPlan = {
  shadow: { windows: 40, budgetPermille: 500 },
  terms: { ...defaultPlanTerms },
  exposures: [2500, 10000],
  turnWindows: 0,
  bakeMs: 0,
  holdout: 0,
  trial: { soakMs: 0, inferences: 1 },
  reportMs: 1_000,
  stepSoakMs: 0,
  horizonMs: 60_000,
};

export const champion = { sequence: 10, manifest: '0a'.repeat(32) };
export const challenger = { sequence: 20, manifest: '14'.repeat(32) };
const salt = '0102030405060708';

/** A rollout over so many enrolled devices that nobody has heard of yet. */
export function exampleRollout(devices: number, change: Partial<Rollout> = {}): Rollout {
  const ids = Array.from({ length: devices }, (_, i) => `press-${i}`);
  return {
    slot: 'vibration',
    champion,
    challenger,
    salt,
    plan,
    exposures: exposuresOf(plan.exposures, salt, ids),
    roster: ids.map((deviceId) => ({ deviceId, stratum: undefined })),
    ...begun,
    fromPolicy: 1,
    startedMs: 0,
    ...change,
  };
}

/** So many blocks of ten windows, each with these counts. */
export function blocks(
  count: number,
  [b, c]: readonly [b: number, c: number],
  of: Partial<Block> = {},
): readonly Block[] {
  return Array.from({ length: count }, () => ({
    onlyChampionRight: b,
    onlyChallengerRight: c,
    windows: 10,
    unlabelled: 0,
    served: 0,
    policy: 1,
    ...of,
  }));
}

/** Evidence of a device of the example, as it says it. */
export function evidenceOf(
  deviceId: string,
  {
    shadow = [],
    served = [],
    ...change
  }: Partial<Omit<Evidence, 'shadow' | 'served'>> & {
    readonly shadow?: readonly Block[];
    readonly served?: readonly Block[];
  } = {},
): Evidence {
  const all = [...shadow, ...served];
  const sum = (count: (block: Block) => number): number =>
    all.reduce((total, block) => total + count(block), 0);
  const onlyChampionRight = sum((block) => block.onlyChampionRight);
  const onlyChallengerRight = sum((block) => block.onlyChallengerRight);
  const unlabelled = sum((block) => block.unlabelled);
  return {
    deviceId,
    slot: 'vibration',
    champion: { sequence: champion.sequence, manifest: fromHex(champion.manifest) },
    challenger: { sequence: challenger.sequence, manifest: fromHex(challenger.manifest) },
    salt: fromHex(salt),
    life: fromHex('aa'.repeat(8)),
    revision: 1,
    blockWindows: 10,
    totals: {
      windows: sum(({ windows }) => windows),
      onlyChampionRight,
      onlyChallengerRight,
      disagreements: onlyChampionRight + onlyChallengerRight + unlabelled,
      unlabelled,
      labelled: onlyChampionRight + onlyChallengerRight,
    },
    shadow: { blocks: shadow, full: false },
    served: { blocks: served, full: false },
    correlation: undefined,
    late: { reports: 0, onlyChampion: 0, onlyChallenger: 0 },
    service: { serving: served.length > 0, reports: served.length },
    aside: undefined,
    drift: 'none',
    ...change,
  };
}

/** A fleet of the example, whose devices sign what they say. */
export class ExampleFleet {
  readonly fleet: RolloutFleet;
  readonly keyring = new TransientKeyring();

  constructor(rollout: Rollout) {
    this.fleet = new RolloutFleet(rollout, createNodeCrypto(), this.keyring);
  }

  /** A device is there, and names its key. */
  meet(deviceId: string, { current = champion.sequence, key = deviceId, nowMs = 0 } = {}): void {
    const presence = { online: true, boot: 1, connection: 1 };
    this.fleet.take(deviceId, { channel: 'presence', message: presence }, false, nowMs);
    this.state(deviceId, { current, key, nowMs });
  }

  /** What a device reports of itself. */
  state(
    deviceId: string,
    { current = champion.sequence, key = deviceId, nowMs = 0, phase = '', code = '' } = {},
  ): void {
    const slot = {
      current,
      previous: undefined,
      candidate: undefined,
      release: phase === '' ? undefined : challenger.sequence,
      phase: phase === '' ? undefined : phase,
      code: code === '' ? undefined : code,
      reason: undefined,
      remedy: undefined,
    };
    const message = {
      agent: '1.0.0',
      boot: 1,
      labels: {},
      key: toHex(createSeededKey(key).publicKey),
      slots: new Map([['vibration', slot]]),
    };
    this.fleet.take(deviceId, { channel: 'state', message }, true, nowMs);
  }

  /** A device says what it has found out. @param as whose key signs it */
  say(
    evidence: Evidence,
    { as = evidence.deviceId, on = evidence.deviceId, nowMs = 0 } = {},
  ): void {
    const key = createSeededKey(as);
    const sign = (bytes: Uint8Array): Uint8Array => key.sign(bytes);
    const envelope = sealSign1('evidence', key.kid, encodeEvidence(evidence), sign);
    this.fleet.take(on, { channel: 'evidence', slot: evidence.slot, envelope }, true, nowMs);
  }
}
