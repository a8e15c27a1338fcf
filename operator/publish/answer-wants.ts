import { toHex } from '../../protocol/bytes.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { parseWant, type WantMessage } from '../../protocol/messages/want.js';
import type { Rejection } from '../../protocol/result.js';
import type { Topics } from '../../protocol/topics.js';
import type { Clock } from '../../agent/ports/clock.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import type { Transport } from '../../agent/ports/transport.js';
import { splitBlocks } from '../release/split-blocks.js';

/** What it takes to answer devices that miss something. */
export interface WantWorld {
  readonly topics: Topics;
  readonly crypto: Crypto;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Called with what was put back, by its topic. */
  readonly answered: (topic: string) => void;
  /** Called with what keeps it from hearing or answering. */
  readonly problem: (rejection: Rejection) => void;
}

/** What can be put back. */
export interface Supplies {
  /** Blocks and manifests. */
  readonly releases: readonly ReleaseFile[];
  /** Manifests alone, of releases whose files are not at hand. */
  readonly manifests: readonly RetainedDocument[];
}

/** A signed document as it is carried, and where. */
export interface RetainedDocument {
  readonly topic: string;
  readonly bytes: Uint8Array;
}

/** A whole fleet asks at once: nothing is put back more often, whoever asks. */
const pauseMs = 10_000;

/**
 * Puts back what devices miss or were given wrong, from these supplies alone, as long as the transport is open: blocks
 * as their manifests cut them, and manifests. It signs nothing. Opens the transport; closing it is the caller's.
 */
export function answerWants(transport: Transport, supplies: Supplies, world: WantWorld): void {
  const answers = new Answers(supplies, world);
  transport.open({
    connected: () => {
      transport.subscribe(
        world.topics.allWants(),
        ({ topic, payload }) => {
          for (const [wanted, bytes] of answers.to(topic, payload)) {
            transport.publish({ topic: wanted, payload: bytes, retained: true }, (result) => {
              if (result.ok) world.answered(wanted);
              else world.problem(result.rejection);
            });
          }
        },
        (result) => {
          if (!result.ok && result.rejection.code !== 'session-ended') {
            world.problem(result.rejection);
          }
        },
      );
    },
    disconnected: (rejection) => {
      world.problem(rejection);
    },
  });
}

/** What is known by digest, and when it was put back last. */
class Answers {
  readonly #world: WantWorld;
  readonly #manifests = new Map<string, RetainedDocument>();
  /** Blocks by digest, and by their size: other sizes than those that are signed are nobody's to ask for. */
  readonly #blocks = new Map<string, ReadonlyMap<number, readonly Uint8Array[]>>();
  /** By topic; there are no more than the supplies have. */
  readonly #lastMs = new Map<string, number>();

  constructor({ releases, manifests }: Supplies, world: WantWorld) {
    this.#world = world;
    const addManifest = (document: RetainedDocument): void => {
      this.#manifests.set(toHex(world.crypto.sha256(document.bytes)), document);
    };
    manifests.forEach(addManifest);
    for (const release of releases) {
      const { slot, sequence } = release.manifest;
      addManifest({ topic: world.topics.manifest(slot, sequence), bytes: release.envelope });
      for (const [i, { transfers }] of release.manifest.artifacts.entries()) {
        const bytes = release.artifacts[i];
        if (bytes === undefined) continue;
        for (const { kind, digest, blockSize } of transfers) {
          if (kind !== 'full') continue;
          const cut = new Map(this.#blocks.get(toHex(digest)));
          this.#blocks.set(toHex(digest), cut.set(blockSize, splitBlocks(bytes, blockSize)));
        }
      }
    }
  }

  *to(topic: string, payload: Uint8Array): Generator<[topic: string, payload: Uint8Array]> {
    const digest = this.#world.topics.parseWant(topic);
    const want = parseWant(payload);
    if (digest === undefined || want === undefined) return;
    for (const [wanted, bytes] of this.#found(digest, want)) {
      const nowMs = this.#world.clock.monotonicMs();
      if (nowMs - (this.#lastMs.get(wanted) ?? -Infinity) < pauseMs) continue;
      this.#lastMs.set(wanted, nowMs);
      yield [wanted, bytes];
    }
  }

  *#found(
    digest: string,
    { blockSize, blocks }: WantMessage,
  ): Generator<[topic: string, payload: Uint8Array]> {
    const { topics } = this.#world;
    const manifest = this.#manifests.get(digest);
    if (manifest !== undefined) yield [manifest.topic, manifest.bytes];
    const cut = this.#blocks.get(digest)?.get(blockSize ?? 0);
    for (const block of blocks) {
      const bytes = cut?.[block];
      if (bytes !== undefined) yield [topics.block(digest, block), bytes];
    }
  }
}
