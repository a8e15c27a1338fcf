import type { SigningKey } from '../../agent/adapters/signing-key.js';
import { openSign1, sealSign1 } from '../../protocol/cose/sign1.js';
import { encodeBeacon, parseBeacon, type Beacon } from '../../protocol/documents/beacon.js';
import {
  encodePolicy,
  parsePolicy,
  shortestTrial,
  type Policy,
} from '../../protocol/documents/policy.js';
import type { Result } from '../../protocol/result.js';
import type { Topics } from '../../protocol/topics.js';
import type { DocumentHistory } from '../broker/document-history.js';

/** What a thief has: a key with one online role, and what the broker ever showed. */
export interface Loot {
  readonly key: Pick<SigningKey, 'kid' | 'sign'>;
  readonly topics: Topics;
  readonly documents: DocumentHistory;
}

/** A document that a thief sends, retained. */
export interface ForgedDocument {
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** The next policy of a slot, which everybody's previous release is named by; undefined where there was none before. */
export function forgePolicy(slot: string, loot: Loot): ForgedDocument | undefined {
  const topic = loot.topics.policy(slot);
  const policies = pastOf(topic, 'policy', parsePolicy, loot);
  const current = policies.reduce<Policy | undefined>(
    (newest, each) => (each.version > (newest?.version ?? 0) ? each : newest),
    undefined,
  );
  const before = policies.findLast(
    ({ champion }) => champion.sequence < (current?.champion.sequence ?? 0),
  );
  if (current === undefined || before === undefined) return undefined;
  const policy: Policy = {
    version: current.version + 1,
    slot,
    champion: before.champion,
    arms: [],
    promoted: undefined,
    trial: shortestTrial,
    gate: undefined,
  };
  return { topic, payload: seal('policy', encodePolicy(policy), loot) };
}

/** The first beacon that there was, under the next counter; undefined where there was none. */
export function forgeBeacon(loot: Loot): ForgedDocument | undefined {
  const topic = loot.topics.beacon();
  const beacons = pastOf(topic, 'beacon', parseBeacon, loot);
  const [first] = beacons;
  if (first === undefined) return undefined;
  const counter = 1 + beacons.reduce((most, each) => Math.max(most, each.counter), 0);
  const beacon: Beacon = { ...first, counter };
  return { topic, payload: seal('beacon', encodeBeacon(beacon), loot) };
}

function pastOf<T>(
  topic: string,
  type: 'policy' | 'beacon',
  parse: (payload: Uint8Array) => Result<T>,
  { documents }: Loot,
): readonly T[] {
  return documents.of(topic).flatMap(({ payload }) => {
    const opened = openSign1(payload, type);
    const parsed = opened.ok ? parse(opened.value.payload) : opened;
    return parsed.ok ? [parsed.value] : [];
  });
}

function seal(type: 'policy' | 'beacon', payload: Uint8Array, { key }: Loot): Uint8Array {
  return sealSign1(type, key.kid, payload, (bytes) => key.sign(bytes));
}
