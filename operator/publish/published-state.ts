import type { Crypto } from '../../agent/ports/crypto.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { parseBeacon, type Beacon } from '../../protocol/documents/beacon.js';
import { findSigner } from '../../protocol/documents/keyset.js';
import { parsePolicy, type Policy } from '../../protocol/documents/policy.js';
import type { Result } from '../../protocol/result.js';
import type { Topics } from '../../protocol/topics.js';
import type { KeyFolder } from '../keys/key-folder.js';
import { readKeyset } from '../release/verify-release.js';
import type { BrokerClient } from './broker-client.js';

/** What the broker retains of this deployment, as far as its signatures hold. */
export interface PublishedState {
  readonly beacon: Beacon | undefined;
  readonly policy: Policy | undefined;
}

/**
 * Reads beacon and policy of a slot, so that the next ones continue them. What does not verify is ignored;
 * what these keys have published before is waited for.
 */
export async function readPublishedState(
  slot: string,
  { client, topics, keys, crypto, wallMs }: Readers,
): Promise<PublishedState> {
  const keyset = readKeyset(keys.keyset);
  const read = async <T>(
    type: 'beacon' | 'policy',
    topic: string,
    name: string,
    parse: (payload: Uint8Array) => Result<T>,
  ): Promise<T | undefined> => {
    const bytes = await client.readRetained(topic, keys.lastNumber(type, name) > 0);
    if (bytes === undefined) return undefined;
    const envelope = openSign1(bytes, type);
    if (!envelope.ok) return undefined;
    const { kid, toBeSigned, signature, payload } = envelope.value;
    const key = findSigner(keyset, kid, { role: type, wallMs });
    if (!key.ok) return undefined;
    if (!crypto.verifyEd25519(key.value.publicKey, toBeSigned, signature)) return undefined;
    const parsed = parse(payload);
    return parsed.ok ? parsed.value : undefined;
  };
  return {
    beacon: await read('beacon', topics.beacon(), 'all', parseBeacon),
    policy: await read('policy', topics.policy(slot), slot, parsePolicy),
  };
}

/** What it takes to read what was published. */
interface Readers {
  readonly client: BrokerClient;
  readonly topics: Topics;
  readonly keys: KeyFolder;
  readonly crypto: Crypto;
  readonly wallMs: number;
}
