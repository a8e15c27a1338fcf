import { sameBytes } from '../../protocol/bytes.js';
import { CodedError } from '../../protocol/coded-error.js';
import { parseBeacon, type Beacon } from '../../protocol/documents/beacon.js';
import { isCounterJump } from '../../protocol/number-jump.js';
import { parsePolicy, type Policy } from '../../protocol/documents/policy.js';
import type { Result } from '../../protocol/result.js';
import { readOwnDocument, type Published } from './own-document.js';
import type { PublishTools } from './publish-tools.js';
import { readStanding, type Standing } from './standing.js';
import { takeOver } from './take-over.js';

/** What stands, and the numbers from which to go on. */
export interface Reconciled {
  readonly standing: Standing;
  /** The highest version of a slot's policy that these keys are known to have signed; 0 for none. */
  readonly lastVersion: (slot: string) => number;
  readonly lastCounter: number;
}

/** Numbers above it are never gone on with: there would be no room for later ones. */
const numberMost = 2 ** 52;

/**
 * Compares what was published last, which the key folder knows, with what the broker shows of these slots, of
 * all that the folder knows, and of the beacon. Nothing of what the broker shows is signed.
 *
 * - What is older there, lost, or not signed by these keys is put right: published again, and said.
 * - What is newer and signed by these keys throws `published-elsewhere`, unless the person takes over
 *   ({@link takeOver}): then the numbers go on from there.
 */
export async function reconcile(
  slots: readonly string[],
  tools: PublishTools,
): Promise<Reconciled> {
  const { kept, shown, news } = await compare(slots, tools);
  for (const each of news) tools.notice(`the broker showed ${each}`);
  const standing = news.length > 0 ? await takeOver(kept, shown, tools) : kept;
  await putRight(standing, shown, tools);
  const lastVersion = (slot: string): number =>
    highest(
      standing.policies.get(slot)?.content.version,
      shown.policies.get(slot)?.content.version,
      shown.beacon?.content.slots.get(slot)?.policyVersion,
    );
  return { standing, lastVersion, lastCounter: lastCounter(kept.beacon, shown.beacon) };
}

function highest(...numbers: readonly (number | undefined)[]): number {
  return Math.max(
    0,
    ...(numbers.filter((each) => each !== undefined && each <= numberMost) as number[]),
  );
}

/** Devices believe no counter that jumps: to go on from one would be to be refused like it. */
function lastCounter(
  kept: Published<Beacon> | undefined,
  shown: Published<Beacon> | undefined,
): number {
  const known = kept?.content ?? { counter: 0, issued: 0 };
  if (shown === undefined || isCounterJump(known, shown.content)) return known.counter;
  return Math.max(known.counter, shown.content.counter);
}

/** Does nothing, but throws `published-elsewhere` where {@link reconcile} would. */
export async function checkNews(slots: readonly string[], tools: PublishTools): Promise<void> {
  await compare(slots, tools);
}

interface Comparison {
  readonly kept: Standing;
  readonly shown: Standing;
  /** What these keys have signed, and the key folder does not know of. */
  readonly news: readonly string[];
}

async function compare(slots: readonly string[], tools: PublishTools): Promise<Comparison> {
  const kept = readStanding(tools);
  const shown = await readBroker(kept, slots, tools);
  const news = newsOf(kept, shown);
  if (news.length > 0 && tools.takeOver !== true) {
    throw new CodedError('published-elsewhere', news.join('; '));
  }
  return { kept, shown, news };
}

/** What the broker retains and these keys have signed. */
async function readBroker(
  kept: Standing,
  asked: readonly string[],
  tools: PublishTools,
): Promise<Standing> {
  const { client, topics, keys } = tools;
  const read = async <T>(
    type: 'beacon' | 'policy',
    topic: string,
    name: string,
    parse: (payload: Uint8Array) => Result<T>,
  ): Promise<Published<T> | undefined> => {
    // What was published with these keys before is waited for longer.
    const bytes = await client.readRetained(topic, keys.lastNumber(type, name) > 0);
    return bytes && readOwnDocument(type, bytes, parse, tools);
  };
  const policies = new Map<string, Published<Policy>>();
  const readPolicies = async (slots: Iterable<string>): Promise<void> => {
    const reading = [...slots].map(async (slot) => {
      const policy = await read('policy', topics.policy(slot), slot, parsePolicy);
      // A policy of another slot is nothing here.
      if (policy?.content.slot === slot) policies.set(slot, policy);
    });
    await Promise.all(reading);
  };
  const known = new Set([...kept.policies.keys(), ...asked]);
  const [beacon] = await Promise.all([
    read('beacon', topics.beacon(), 'all', parseBeacon),
    readPolicies(known),
  ]);
  if (tools.takeOver === true && beacon !== undefined) {
    await readPolicies([...beacon.content.slots.keys()].filter((slot) => !known.has(slot)));
  }
  return { beacon, policies };
}

function newsOf(kept: Standing, shown: Standing): readonly string[] {
  const news: string[] = [];
  for (const [slot, { content, bytes }] of shown.policies) {
    const known = kept.policies.get(slot);
    if (known !== undefined && content.version < known.content.version) continue;
    if (known !== undefined && sameBytes(known.bytes, bytes)) continue;
    news.push(
      `policy ${content.version} of ${slot} (published last: ${known?.content.version ?? 'none'})`,
    );
  }
  const { beacon } = kept;
  if (shown.beacon === undefined || (beacon !== undefined && !isNewer(shown.beacon, beacon))) {
    return news;
  }
  const { counter } = shown.beacon.content;
  return [...news, `beacon ${counter} (published last: ${beacon?.content.counter ?? 'none'})`];
}

function isNewer(shown: Published<Beacon>, kept: Published<Beacon>): boolean {
  if (shown.content.counter !== kept.content.counter) {
    return shown.content.counter > kept.content.counter;
  }
  return !sameBytes(shown.bytes, kept.bytes);
}

/** Publishes again what the broker has lost, or shows in an older state. */
async function putRight(standing: Standing, shown: Standing, tools: PublishTools): Promise<void> {
  const { client, topics, notice } = tools;
  for (const [slot, { content, bytes }] of standing.policies) {
    const version = shown.policies.get(slot)?.content.version;
    if (version !== undefined && version >= content.version) continue;
    notice(
      `the broker showed ${version === undefined ? 'no policy' : `policy ${version}`} of ${slot}: policy ${content.version} is published again`,
    );
    await client.publish(topics.policy(slot), bytes);
  }
  const { beacon } = standing;
  const counter = shown.beacon?.content.counter;
  if (beacon === undefined || (counter !== undefined && counter >= beacon.content.counter)) return;
  notice(
    `the broker showed ${counter === undefined ? 'no beacon' : `beacon ${counter}`}: beacon ${beacon.content.counter} is published again`,
  );
  await client.publish(topics.beacon(), beacon.bytes);
}
