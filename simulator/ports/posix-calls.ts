import { constants } from 'node:fs';
import type { FileSystem, OpenFile } from '../../agent/adapters/file-system.js';
import {
  applyPart,
  errno,
  findAt,
  folderAt,
  namesOf,
  pathOf,
  sizeOf,
  type Change,
  type Folder,
  type Inode,
} from './posix-tree.js';

/** Whoever follows what calls do to a disk. */
export interface CallWitness {
  /** A call changes something; what it changes is not durable yet. */
  changed(what: string, changes: readonly Change[]): void;
  /** What a file or folder holds was made durable. */
  synced(what: string, inode: Inode): void;
}

/** How a call is answered: it is carried out at once, and may throw as the system does. */
export type Settle = <T>(run: () => T) => PromiseLike<T>;

/** The calls of the system on a tree of files. */
export class PosixCalls implements FileSystem {
  readonly #root: Folder;
  readonly #witness: CallWitness;
  readonly #settle: Settle;

  constructor(root: Folder, witness: CallWitness, settle: Settle) {
    this.#root = root;
    this.#witness = witness;
    this.#settle = settle;
  }

  open(file: string, flags: number, mode?: number): PromiseLike<OpenFile> {
    return this.#settle(() => this.#open(file, flags, mode));
  }

  mkdir(folder: string): PromiseLike<string | undefined> {
    return this.#settle(() => {
      let made: string | undefined;
      const names = namesOf(folder);
      for (let depth = 1; depth <= names.length; depth++) {
        const path = pathOf(names.slice(0, depth));
        const found = this.#find(path);
        if (found?.kind === 'file') throw errno('ENOTDIR', path);
        if (found !== undefined) continue;
        made ??= path;
        this.#enter(`mkdir ${path}`, [[path, { kind: 'folder', entries: new Map() }]]);
      }
      return made;
    });
  }

  readdir(folder: string): PromiseLike<string[]> {
    return this.#settle(() => [...this.#folder(folder).entries.keys()]);
  }

  rename(from: string, to: string): PromiseLike<void> {
    return this.#settle(() => {
      const inode = this.#find(from);
      if (inode === undefined) throw errno('ENOENT', from);
      if (from === to) return;
      this.#enter(`rename ${from} ${to}`, [
        [to, inode],
        [from, undefined],
      ]);
    });
  }

  unlink(file: string): PromiseLike<void> {
    return this.#settle(() => {
      if (this.#find(file) === undefined) throw errno('ENOENT', file);
      this.#enter(`unlink ${file}`, [[file, undefined]]);
    });
  }

  lstat(file: string): ReturnType<FileSystem['lstat']> {
    return this.#settle(() => {
      const inode = this.#find(file);
      if (inode === undefined) throw errno('ENOENT', file);
      const isFolder = inode.kind === 'folder';
      return { size: sizeOf(inode), isDirectory: () => isFolder, isFile: () => !isFolder };
    });
  }

  statfs(): ReturnType<FileSystem['statfs']> {
    return this.#settle(() => ({ bavail: 1_000_000, bsize: 4096 }));
  }

  #open(file: string, flags: number, mode?: number): OpenFile {
    let inode = this.#find(file);
    if (inode === undefined) {
      if ((flags & constants.O_CREAT) === 0) throw errno('ENOENT', file);
      if (mode === undefined) throw new Error(`${file} is made without a mode`);
      inode = { kind: 'file', bytes: new Uint8Array() };
      this.#enter(`create ${file}`, [[file, inode]]);
    } else if ((flags & constants.O_EXCL) !== 0) throw errno('EEXIST', file);
    if (inode.kind === 'file' && (flags & constants.O_DIRECTORY) !== 0) {
      throw errno('ENOTDIR', file);
    }
    return this.#opened(file, inode);
  }

  #opened(file: string, inode: Inode): OpenFile {
    return {
      stat: () => this.#settle(() => ({ size: sizeOf(inode) })),
      readFile: () =>
        this.#settle(() => {
          if (inode.kind === 'folder') throw errno('EISDIR', file);
          return inode.bytes.slice();
        }),
      write: (bytes, offset, length, position) =>
        this.#settle(() => {
          const part = bytes.slice(offset, offset + length);
          this.#change(`write ${file} ${position}+${length}`, [
            { kind: 'write', inode, position, bytes: part },
          ]);
          return { bytesWritten: length };
        }),
      sync: () =>
        this.#settle(() => {
          this.#witness.synced(`sync ${file}`, inode);
        }),
      close: () => this.#settle(() => undefined),
    };
  }

  /** Lets names stand for something else. */
  #enter(what: string, entries: readonly (readonly [path: string, target: Inode | undefined])[]) {
    this.#change(
      what,
      entries.map(([path, target]) => {
        const names = namesOf(path);
        const folder = this.#folder(pathOf(names.slice(0, -1)));
        return { kind: 'entry', inode: folder, name: names.at(-1) ?? '', target };
      }),
    );
  }

  #change(what: string, changes: readonly Change[]): void {
    this.#witness.changed(what, changes);
    for (const change of changes) applyPart(change, 'kept', (inode) => inode);
  }

  #find(path: string): Inode | undefined {
    return findAt(this.#root, path);
  }

  #folder(path: string): Folder {
    return folderAt(this.#root, path);
  }
}
