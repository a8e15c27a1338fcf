import { toHex } from '../../protocol/bytes.js';
import { expectOk } from '../../protocol/coded-error.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { parseBeacon } from '../../protocol/documents/beacon.js';
import { parsePolicy } from '../../protocol/documents/policy.js';
import type { World } from './world.js';

/** What a rollout has left on the operator's disk and on the broker, by paths and topics. */
export interface Outcome {
  readonly files: ReadonlyMap<string, unknown>;
  readonly retained: ReadonlyMap<string, unknown>;
}

/**
 * What any number of lives of a controller must come to: all that is there, byte for byte but for what a life that was cut off
 * may have used up. That is time, the numbers of policies and beacons, and the hashes over them.
 */
export function outcomeOf({ tree, broker }: World): Outcome {
  return { files: withoutNumbers(tree.files), retained: withoutNumbers(broker.retained) };
}

function withoutNumbers(all: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, unknown> {
  return new Map([...all].map(([name, bytes]) => [name, contentOf(name, bytes)]));
}

function contentOf(name: string, bytes: Uint8Array): unknown {
  // Files of what was published are named by its topic.
  if (/[/+]policies[/+]/.test(name)) {
    const policy = expectOk(parsePolicy(expectOk(openSign1(bytes, 'policy')).payload));
    return { ...policy, version: 0 };
  }
  if (/[/+]beacon$/.test(name)) {
    const beacon = expectOk(parseBeacon(expectOk(openSign1(bytes, 'beacon')).payload));
    const slots = [...beacon.slots].map(([slot, said]) => [
      slot,
      { ...said, policyVersion: 0, policy: undefined },
    ]);
    return { ...beacon, counter: 0, issued: 0, expires: 0, slots };
  }
  if (name.endsWith('numbers.json')) return Object.keys(parseJson(bytes));
  if (/\/rollouts\/.*\.json$/.test(name)) return parseJson(bytes);
  return toHex(bytes);
}

/** Fields of rollouts and their verdicts that hold times, versions of policies, or hashes over such. */
const usedUp = [
  't',
  'startedMs',
  'elapsedMs',
  'fromPolicy',
  'policy',
  'revision',
  'previous',
  'hash',
];

function parseJson(bytes: Uint8Array): object {
  return JSON.parse(new TextDecoder().decode(bytes), (key, value: unknown) => {
    if (usedUp.includes(key)) return undefined;
    // Of a block of evidence the policy is the fifth number (`verdict-file.ts`).
    if (key === 'blocks' && Array.isArray(value)) {
      return (value as number[][]).map((row) => row.with(4, 0));
    }
    return value;
  }) as object;
}
