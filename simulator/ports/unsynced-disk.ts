import type { Course } from '../../agent/adapters/course.js';
import type { FileSystem } from '../../agent/adapters/file-system.js';
import type { Prng } from '../prng.js';
import { drawFates } from './drawn-fates.js';
import { PosixCalls } from './posix-calls.js';
import {
  applyPart,
  emptyImage,
  findAt,
  imageOf,
  treeOf,
  type Change,
  type DiskImage,
  type Folder,
  type Inode,
} from './posix-tree.js';

/** Thrown by each call after the power is gone. */
class PowerGone extends Error {}

/** Changes that may wait before it is looked whether somebody still wants them. */
const mostPending = 64;

/** How a call was answered: at once. */
class Answer<T> implements PromiseLike<T> {
  readonly run: () => T;

  constructor(run: () => T) {
    this.run = run;
  }

  then(): never {
    throw new Error('who calls this disk does not wait');
  }
}

/**
 * A disk as POSIX promises it, and no better, in the long run: what it durably holds, and what was changed since and not synced. Its
 * calls are carried out at once, without promises.
 */
export class UnsyncedDisk {
  #live: Folder;
  #durable: Folder;
  /** What stands on the durable side for a file or folder of now. */
  #twins = new WeakMap<Inode, Inode>();
  #pending: Change[] = [];
  /** Calls that the power still lasts for, of those that change something or make it durable. */
  #callsLeft = Infinity;
  #fileSystem: FileSystem;

  constructor(image: DiskImage = emptyImage) {
    [this.#live, this.#durable] = [treeOf(image), treeOf(image)];
    this.#fileSystem = this.#begin();
  }

  /** The calls of the system; those of an earlier power are nobody's. */
  get fileSystem(): FileSystem {
    return this.#fileSystem;
  }

  /** What a file holds now, durable or not. The bytes never change in place. */
  read(path: string): Uint8Array | undefined {
    const inode = findAt(this.#live, path);
    return inode?.kind === 'file' ? inode.bytes : undefined;
  }

  /** How many changes are not durable. */
  get unsynced(): number {
    return this.#pending.length;
  }

  /** The files of now, by path. */
  get files(): ReadonlyMap<string, Uint8Array> {
    return imageOf(this.#live).files;
  }

  /** Another content lies on the disk than was written, durably. */
  corrupt(path: string, bytes: Uint8Array): void {
    const inode = findAt(this.#live, path);
    if (inode?.kind !== 'file') return;
    inode.bytes = bytes;
    const twin = this.#twinOf(inode);
    if (twin.kind === 'file') twin.bytes = bytes;
  }

  /**
   * Carries out what the storage does; undefined where the power has gone in between.
   *
   * @param calls so many calls that change something, or make it durable, are carried out before the power goes
   */
  carryOut<T>(course: Course<T>, calls = Infinity): { readonly given: T } | undefined {
    this.#callsLeft = calls;
    try {
      let step = course.next();
      while (step.done !== true) {
        let answer: unknown;
        try {
          answer = (step.value as Answer<unknown>).run();
        } catch (error) {
          step = course.throw(error);
          continue;
        }
        step = course.next(answer);
      }
      return { given: step.value };
    } catch (error) {
      if (error instanceof PowerGone) return undefined;
      throw error;
    } finally {
      this.#callsLeft = Infinity;
    }
  }

  /** The power is gone: each change that is not durable is lost or kept, whole or in part, whatever came before or after it. */
  cutPower(chance: Prng): void {
    const fates = drawFates(this.#pending, chance);
    for (const [i, change] of this.#pending.entries())
      applyPart(change, fates[i] ?? 'lost', (inode) => this.#twinOf(inode));
    const left = imageOf(this.#durable);
    [this.#live, this.#durable] = [treeOf(left), treeOf(left)];
    this.#fileSystem = this.#begin();
  }

  #begin(): FileSystem {
    this.#pending = [];
    this.#twins = new WeakMap();
    pair(this.#live, this.#durable, this.#twins);
    const spend = (): void => {
      if (--this.#callsLeft < 0) throw new PowerGone('the power is gone');
    };
    return new PosixCalls(
      this.#live,
      {
        changed: (_, changes) => {
          spend();
          this.#pending.push(...changes);
        },
        synced: (_, inode) => {
          spend();
          this.#sync(inode);
        },
      },
      (run) => new Answer(run),
    );
  }

  #sync(inode: Inode): void {
    const waiting: Change[] = [];
    for (const change of this.#pending) {
      if (change.inode === inode) applyPart(change, 'kept', (each) => this.#twinOf(each));
      else waiting.push(change);
    }
    this.#pending = waiting;
    if (waiting.length > mostPending) this.#forgetUnreachable();
  }

  /** What was written to a file that has no name any more, and gets none by what is not durable yet, is nobody's. */
  #forgetUnreachable(): void {
    const live = new Set<Inode>();
    reach(this.#live, live);
    for (const change of this.#pending)
      if (change.kind === 'entry' && change.target !== undefined) reach(change.target, live);
    const durable = new Set<Inode>();
    reach(this.#durable, durable);
    this.#pending = this.#pending.filter(
      ({ inode }) => live.has(inode) || durable.has(this.#twinOf(inode)),
    );
  }

  /** An empty one where it was made since. */
  #twinOf(inode: Inode): Inode {
    const known = this.#twins.get(inode);
    if (known !== undefined) return known;
    const made: Inode =
      inode.kind === 'file'
        ? { kind: 'file', bytes: new Uint8Array() }
        : { kind: 'folder', entries: new Map() };
    this.#twins.set(inode, made);
    return made;
  }
}

function reach(inode: Inode, reached: Set<Inode>): void {
  reached.add(inode);
  if (inode.kind === 'folder') for (const entry of inode.entries.values()) reach(entry, reached);
}

function pair(live: Inode, durable: Inode, twins: WeakMap<Inode, Inode>): void {
  twins.set(live, durable);
  if (live.kind === 'file' || durable.kind === 'file') return;
  for (const [name, inode] of live.entries) {
    const twin = durable.entries.get(name);
    if (twin !== undefined) pair(inode, twin, twins);
  }
}
