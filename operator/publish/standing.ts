import { CodedError } from '../../protocol/coded-error.js';
import { parseBeacon, type Beacon } from '../../protocol/documents/beacon.js';
import { parseManifest, type Manifest } from '../../protocol/documents/manifest.js';
import { parsePolicy, type Policy } from '../../protocol/documents/policy.js';
import type { Result } from '../../protocol/result.js';
import { slotPattern, type Topics } from '../../protocol/topics.js';
import type { RetainedDocument } from './answer-wants.js';
import { readOwnDocument, type OwnKeys, type Published } from './own-document.js';

/** What was published last under a prefix, as the key folder knows it. */
export interface Standing {
  readonly beacon: Published<Beacon> | undefined;
  readonly policies: ReadonlyMap<string, Published<Policy>>;
}

/** The key folder, and the prefix that it is about. */
export interface Standings extends OwnKeys {
  readonly topics: Topics;
}

/** Reads what was published last. Throws `keys-unreadable` where a document is not what it was. */
export function readStanding(tools: Standings): Standing {
  const { keys, topics } = tools;
  const policies = new Map<string, Published<Policy>>();
  for (const topic of keys.published.topics()) {
    const slot = topic.split('/').at(-1) ?? '';
    if (!slotPattern.test(slot) || topics.policy(slot) !== topic) continue;
    const policy = readKept('policy', topic, parsePolicy, tools);
    if (policy !== undefined) policies.set(slot, policy);
  }
  return { beacon: readKept('beacon', topics.beacon(), parseBeacon, tools), policies };
}

/** The manifests of the releases that were published with this folder. Throws `keys-unreadable`. */
export function readManifests(tools: Standings): readonly RetainedDocument[] {
  const { keys, topics } = tools;
  return keys.published.topics().flatMap((topic) => {
    const [slot = '', number] = topic.split('/').slice(-2);
    const isManifest = slotPattern.test(slot) && topics.manifest(slot, Number(number)) === topic;
    const manifest = isManifest ? readKept('manifest', topic, parseManifest, tools) : undefined;
    return manifest === undefined ? [] : [{ topic, bytes: manifest.bytes }];
  });
}

/** The security epoch of a release that was published with this folder; 0 where it does not know it. */
export function epochOf(slot: string, sequence: number, tools: Standings): number {
  return findManifest(slot, sequence, tools)?.epoch ?? 0;
}

/** The manifest of a release that was published with this folder; undefined where it does not know it. */
export function findManifest(
  slot: string,
  sequence: number,
  tools: Standings,
): Manifest | undefined {
  const topic = tools.topics.manifest(slot, sequence);
  return readKept('manifest', topic, parseManifest, tools)?.content;
}

function readKept<T>(
  type: 'beacon' | 'policy' | 'manifest',
  topic: string,
  parse: (payload: Uint8Array) => Result<T>,
  tools: Standings,
): Published<T> | undefined {
  const { published } = tools.keys;
  const bytes = published.read(topic);
  if (bytes === undefined) return undefined;
  const document = readOwnDocument(type, bytes, parse, tools);
  if (document !== undefined) return document;
  throw new CodedError(
    'keys-unreadable',
    `${published.file(topic)}: it is no ${type} that these keys have signed`,
  );
}
