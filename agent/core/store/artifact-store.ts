import { sameBytes, toHex } from '../../../protocol/bytes.js';
import type { Artifact, Transfer } from '../../../protocol/documents/manifest.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import { ask, Signal, wait, type Process } from '../process.js';
import { readFile } from '../state/read-file.js';
import { ArtifactFetch, type Course, type Want } from './artifact-fetch.js';
import { fetchBlocks, type SourceWorld } from './block-source.js';
import { findMissingBlocks, type BlockTransfer } from './blocks.js';
import { imageName, partialName } from './file-names.js';

/**
 * The artifacts of all slots of a device, by digest. Each is fetched once, however many want it, and the fetch goes
 * on as long as one does. What is on disk is whole, but bytes on disk are never trusted to be what was written:
 * who reads them checks them (`read-release.ts`).
 */
export class ArtifactStore {
  readonly #world: SourceWorld;
  readonly #fetches = new Map<string, ArtifactFetch>();
  /** How many hold each file. */
  readonly #holders = new Map<string, number>();

  constructor(world: SourceWorld) {
    this.#world = world;
  }

  /** Begins to hold files: as long as somebody does, they are no garbage, whether they are there or not. */
  hold(): Holding {
    return new Holding(this.#holders);
  }

  isHeld(name: string): boolean {
    return this.#holders.has(name);
  }

  /** What of these is not on disk. */
  *missing(artifacts: readonly Artifact[]): Process<Result<readonly Artifact[]>> {
    const images = yield* listSizes('images');
    if (!images.ok) return images;
    return accept(
      artifacts.filter(({ digest, size }) => images.value.get(imageName(digest)) !== size),
    );
  }

  /** How many bytes of these are still to come, each digest counted once. */
  *missingBytes(artifacts: readonly Artifact[]): Process<Result<number>> {
    const partial = yield* listSizes('partial');
    if (!partial.ok) return partial;
    let sum = 0;
    const counted = new Set<string>();
    for (const { digest, size, transfers } of artifacts) {
      if (counted.has(toHex(digest))) continue;
      counted.add(toHex(digest));
      const transfer = fullTransfer(transfers);
      // What has come takes its room already, and becomes the image by renaming.
      const come = transfer && partial.value.get(partialName(transfer.digest));
      sum += Math.max(0, size - (come ?? 0));
    }
    return accept(sum);
  }

  /**
   * Waits until an artifact is on disk, however long that takes. Refuses with `transfer-unsupported`,
   * `image-digest-mismatch` (all blocks are what the manifest names, and the whole is not), or a storage code.
   *
   * @param course told how it comes
   */
  *obtain(artifact: Artifact, course: Course): Process<Result<void>> {
    const transfer = fullTransfer(artifact.transfers);
    if (transfer === undefined) {
      return refuse('transfer-unsupported', `${artifact.name} is not offered in full over MQTT`);
    }
    const want = { transfer, course, outcome: new Signal<Result<void>>() };
    const leave = this.#join(artifact.digest, want);
    try {
      return yield* wait(want.outcome);
    } finally {
      leave();
    }
  }

  #join(digest: Uint8Array, want: Want): () => void {
    const key = toHex(digest);
    const present = this.#fetches.get(key);
    const fetch = present ?? new ArtifactFetch();
    fetch.join(want);
    if (present === undefined) {
      this.#fetches.set(key, fetch);
      fetch.task = this.#world.tasks.run(this.#carryOn(key, fetch));
    }
    return () => {
      fetch.leave(want);
      if (fetch.isWanted || this.#fetches.get(key) !== fetch) return;
      this.#fetches.delete(key);
      fetch.task?.cancel();
    };
  }

  *#carryOn(key: string, fetch: ArtifactFetch): Process<void> {
    while (fetch.isWanted) {
      const transfer = fetch.nextTransfer();
      const outcome = yield* this.#bringIn(transfer, fetch);
      if (outcome.ok && outcome.value === 'stuck') continue;
      const result = outcome.ok ? accept(undefined) : outcome;
      // Another manifest may name the blocks of the same bytes rightly.
      const isOfTransfer = !outcome.ok && outcome.rejection.code === 'image-digest-mismatch';
      fetch.settle(result, isOfTransfer ? transfer : undefined);
    }
    this.#fetches.delete(key);
  }

  *#bringIn(transfer: BlockTransfer, fetch: ArtifactFetch): Process<Result<'all' | 'stuck'>> {
    const image = imageName(transfer.digest);
    const images = yield* listSizes('images');
    if (!images.ok) return images;
    // One who wanted it before may have gone when it was nearly there.
    if (images.value.get(image) === transfer.size) return accept('all');
    const before = yield* readPartial(transfer);
    if (!before.ok) return before;
    const missing = yield* findMissingBlocks(transfer, before.value);
    const fetched = yield* fetchBlocks(transfer, missing, fetch, this.#world);
    if (!fetched.ok || fetched.value === 'stuck') return fetched;
    const whole = yield* readPartial(transfer);
    if (!whole.ok) return whole;
    const name = partialName(transfer.digest);
    const digest = yield* ask('digest', { bytes: whole.value ?? new Uint8Array() });
    if (!sameBytes(digest, transfer.digest)) {
      const lost = yield* findMissingBlocks(transfer, whole.value);
      if (lost.length > 0) {
        return refuse('storage-failed', `${name}: the disk has lost ${lost.length} blocks again`);
      }
      yield* ask('remove', { name });
      return refuse('image-digest-mismatch', `${image} is not what the manifest names`);
    }
    const moved = yield* ask('move', { from: name, to: image });
    return moved.ok ? accept('all') : moved;
  }
}

/** Files that somebody holds, until they are let go. */
export class Holding {
  readonly #holders: Map<string, number>;
  readonly #names = new Set<string>();

  constructor(holders: Map<string, number>) {
    this.#holders = holders;
  }

  add(names: Iterable<string>): void {
    for (const name of names) {
      if (this.#names.has(name)) continue;
      this.#names.add(name);
      this.#holders.set(name, (this.#holders.get(name) ?? 0) + 1);
    }
  }

  letGo(): void {
    for (const name of this.#names) {
      const others = (this.#holders.get(name) ?? 1) - 1;
      if (others === 0) this.#holders.delete(name);
      else this.#holders.set(name, others);
    }
    this.#names.clear();
  }
}

/** The names of all files that an artifact may have. */
export function fileNamesOf({ digest, transfers }: Artifact): readonly string[] {
  return [imageName(digest), ...transfers.map((transfer) => partialName(transfer.digest))];
}

/** What has come so far; undefined where nothing has. What is no part of the transfer is removed. */
function* readPartial(transfer: BlockTransfer): Process<Result<Uint8Array | undefined>> {
  const name = partialName(transfer.digest);
  const file = yield* readFile(name, transfer.size);
  if (file.ok || file.rejection.code !== 'file-too-large') return file;
  const removed = yield* ask('remove', { name });
  return removed.ok ? accept(undefined) : removed;
}

function* listSizes(folder: string): Process<Result<ReadonlyMap<string, number>>> {
  const files = yield* ask('list', { folder });
  if (!files.ok) return files;
  return accept(new Map(files.value.map(({ name, bytes }) => [name, bytes])));
}

function fullTransfer(transfers: readonly Transfer[]): Transfer | undefined {
  return transfers.find(({ kind, uri }) => kind === 'full' && uri === undefined);
}
