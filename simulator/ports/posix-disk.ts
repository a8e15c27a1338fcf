import type { FileSystem } from '../../agent/adapters/file-system.js';
import { PosixCalls } from './posix-calls.js';
import {
  applyPart,
  emptyImage,
  imageOf,
  treeOf,
  type Change,
  type DiskImage,
  type Fate,
  type Folder,
  type Inode,
} from './posix-tree.js';

type Step =
  | { readonly kind: 'change'; readonly what: string; readonly changes: readonly Change[] }
  | { readonly kind: 'sync'; readonly what: string; readonly inode: Inode };

/**
 * A disk as POSIX promises it, and no better: what a file holds is durable after an fsync of the file, what a
 * folder names after an fsync of the folder, and nothing else ever is. Until then each change alone may be lost,
 * whatever came before or after it; a rename is two changes. It keeps a journal, from which the states can be made
 * that a power cut may leave after any of its steps.
 */
export class PosixDisk {
  readonly #root: Folder;
  /** What was there at the start, whatever became of it. */
  readonly #started: ReadonlyMap<Inode, Inode>;
  readonly #journal: Step[] = [];
  /** The cut that was asked for last: many states are made of one. */
  #cut:
    | {
        readonly steps: number;
        readonly twins: ReadonlyMap<Inode, Inode>;
        readonly pending: readonly Change[];
      }
    | undefined;

  constructor(start: DiskImage = emptyImage) {
    this.#root = treeOf(start);
    this.fileSystem = new PosixCalls(
      this.#root,
      {
        changed: (what, changes) => this.#journal.push({ kind: 'change', what, changes }),
        synced: (what, inode) => this.#journal.push({ kind: 'sync', what, inode }),
      },
      settle,
    );
    this.#started = cloneOf(twinsWithin(this.#root));
  }

  /** How many steps the disk has carried out that changed something or made it durable. */
  get steps(): number {
    return this.#journal.length;
  }

  /** What a step did, for people. */
  describe(step: number): string {
    return this.#journal[step - 1]?.what ?? 'the start';
  }

  /** What is seen now, durable or not. */
  get image(): DiskImage {
    return imageOf(this.#root);
  }

  /** The changes of the first steps that are not durable after them, in their order. */
  pendingAfter(steps: number): readonly Change[] {
    return this.#walk(steps).pending;
  }

  /**
   * What the power leaves where it fails after so many steps, or in the middle of the next one.
   *
   * @param fates what becomes of each of the changes that {@link pendingAfter} lists
   */
  cutAfter(steps: number, fates: readonly Fate[]): DiskImage {
    const { twins, pending } = this.#durableAfter(steps);
    // What is not durable came after all that is durable in the same file or folder.
    const left = cloneOf(twins);
    for (const [i, change] of pending.entries()) {
      applyPart(change, fates[i] ?? 'lost', (inode) => twinOf(left, inode));
    }
    return imageOf(twinOf(left, this.#root) as Folder);
  }

  /** What the disk durably holds after so many steps, for each file and folder of now, and what else was changed. */
  #durableAfter(steps: number): {
    readonly twins: ReadonlyMap<Inode, Inode>;
    readonly pending: readonly Change[];
  } {
    if (this.#cut?.steps !== steps) {
      const { durable, pending } = this.#walk(steps);
      const twins = cloneOf(this.#started);
      for (const change of durable) applyPart(change, 'kept', (inode) => twinOf(twins, inode));
      this.#cut = { steps, twins, pending };
    }
    return this.#cut;
  }

  /** The calls of the system on this disk. Each is carried out at once. */
  readonly fileSystem: FileSystem;

  /** Which changes of the first steps a later one of them made durable, and which are pending; in their order. */
  #walk(steps: number): {
    readonly durable: readonly Change[];
    readonly pending: readonly Change[];
  } {
    const durable: Change[] = [];
    let pending: Change[] = [];
    for (const step of this.#journal.slice(0, steps)) {
      if (step.kind === 'change') {
        pending.push(...step.changes);
        continue;
      }
      durable.push(...pending.filter(({ inode }) => inode === step.inode));
      pending = pending.filter(({ inode }) => inode !== step.inode);
    }
    return { durable, pending };
  }
}

/** The files and folders of a tree, each paired with itself. */
function twinsWithin(root: Folder): ReadonlyMap<Inode, Inode> {
  const all = new Map<Inode, Inode>([[root, root]]);
  const visit = (folder: Folder): void => {
    for (const inode of folder.entries.values()) {
      all.set(inode, inode);
      if (inode.kind === 'folder') visit(inode);
    }
  };
  visit(root);
  return all;
}

/** The same pairs with new twins, which can change without the old ones. Bytes are shared: they never change in place. */
function cloneOf(twins: ReadonlyMap<Inode, Inode>): Map<Inode, Inode> {
  const clones = new Map<Inode, Inode>();
  for (const inode of twins.values()) {
    const clone: Inode =
      inode.kind === 'file'
        ? { kind: 'file', bytes: inode.bytes }
        : { kind: 'folder', entries: new Map() };
    clones.set(inode, clone);
  }
  for (const inode of twins.values()) {
    const clone = clones.get(inode);
    if (inode.kind === 'file' || clone?.kind !== 'folder') continue;
    for (const [name, entry] of inode.entries) {
      const cloned = clones.get(entry);
      if (cloned !== undefined) clone.entries.set(name, cloned);
    }
  }
  return new Map([...twins].map(([inode, twin]) => [inode, clones.get(twin) ?? twin]));
}

/** The twin of a file or folder, an empty one where it has none yet. */
function twinOf(twins: Map<Inode, Inode>, inode: Inode): Inode {
  const known = twins.get(inode);
  if (known !== undefined) return known;
  const made: Inode =
    inode.kind === 'file'
      ? { kind: 'file', bytes: new Uint8Array() }
      : { kind: 'folder', entries: new Map() };
  twins.set(inode, made);
  return made;
}

/** Answers as the system does: later, and with an error as a refusal of the promise. */
function settle<T>(run: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(run());
  });
}
