import { constants } from 'node:fs';
import type { FileSystem, OpenFile } from '../../agent/adapters/file-system.js';

/** What a disk holds when nobody uses it: files by path, and the folders. */
export interface DiskImage {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly folders: ReadonlySet<string>;
}

/** One change that a call made, durable only after a sync of the file or folder that it changed. */
export type Change =
  | {
      readonly kind: 'write';
      readonly inode: Inode;
      readonly position: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly kind: 'entry';
      readonly inode: Inode;
      readonly name: string;
      /** What the name stands for afterwards; undefined where it is gone. */
      readonly target: Inode | undefined;
    };

/** What became of a change that was not durable when the power failed. */
export type Fate =
  | 'lost'
  | 'kept'
  /** The file has grown, and holds zeros where the bytes were to come. */
  | 'sized'
  /** Of a write, only its first bytes. */
  | { readonly prefix: number }
  /** Of a write, only those sectors of which this says so. */
  | { readonly sectors: (sector: number) => boolean };

/** The unit in which a disk writes; a smaller part is never torn by it, and each may come without the others. */
export const sectorBytes = 512;

type Inode =
  | { readonly kind: 'file'; bytes: Uint8Array }
  | { readonly kind: 'folder'; readonly entries: Map<string, Inode> };

type Folder = Extract<Inode, { kind: 'folder' }>;

type Step =
  | { readonly kind: 'change'; readonly what: string; readonly changes: readonly Change[] }
  | { readonly kind: 'sync'; readonly what: string; readonly inode: Inode };

/** An empty disk. */
export const emptyImage: DiskImage = { files: new Map(), folders: new Set() };

/**
 * A disk as POSIX promises it, and no better: what a file holds is durable after an fsync of the file, what a
 * folder names after an fsync of the folder, and nothing else ever is. Until then each change alone may be lost,
 * whatever came before or after it; a rename is two changes. It keeps a journal, from which the states can be made
 * that a power cut may leave after any of its steps.
 */
export class PosixDisk {
  readonly #root: Folder = { kind: 'folder', entries: new Map() };
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
    for (const folder of start.folders) this.#put(folder, { kind: 'folder', entries: new Map() });
    for (const [file, bytes] of start.files) this.#put(file, { kind: 'file', bytes });
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
  readonly fileSystem: FileSystem = {
    open: (file, flags, mode) => settle(() => this.#open(file, flags, mode)),
    mkdir: (folder) =>
      settle(() => {
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
      }),
    readdir: (folder) => settle(() => [...this.#folder(folder).entries.keys()]),
    rename: (from, to) =>
      settle(() => {
        const inode = this.#find(from);
        if (inode === undefined) throw errno('ENOENT', from);
        if (from === to) return;
        this.#enter(`rename ${from} ${to}`, [
          [to, inode],
          [from, undefined],
        ]);
      }),
    unlink: (file) =>
      settle(() => {
        if (this.#find(file) === undefined) throw errno('ENOENT', file);
        this.#enter(`unlink ${file}`, [[file, undefined]]);
      }),
    lstat: (file) =>
      settle(() => {
        const inode = this.#find(file);
        if (inode === undefined) throw errno('ENOENT', file);
        const isFolder = inode.kind === 'folder';
        return { size: sizeOf(inode), isDirectory: () => isFolder, isFile: () => !isFolder };
      }),
    statfs: () => settle(() => ({ bavail: 1_000_000, bsize: 4096 })),
  };

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
      stat: () => settle(() => ({ size: sizeOf(inode) })),
      readFile: () =>
        settle(() => {
          if (inode.kind === 'folder') throw errno('EISDIR', file);
          return inode.bytes.slice();
        }),
      write: (bytes, offset, length, position) =>
        settle(() => {
          const part = bytes.slice(offset, offset + length);
          this.#change(`write ${file} ${position}+${length}`, [
            { kind: 'write', inode, position, bytes: part },
          ]);
          return { bytesWritten: length };
        }),
      sync: () =>
        settle(() => {
          this.#journal.push({ kind: 'sync', what: `sync ${file}`, inode });
        }),
      close: () => Promise.resolve(),
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
    this.#journal.push({ kind: 'change', what, changes });
    for (const change of changes) applyPart(change, 'kept', (inode) => inode);
  }

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

  #put(path: string, inode: Inode): void {
    const names = namesOf(path);
    this.#folder(pathOf(names.slice(0, -1))).entries.set(names.at(-1) ?? '', inode);
  }

  #find(path: string): Inode | undefined {
    let inode: Inode | undefined = this.#root;
    for (const name of namesOf(path)) {
      if (inode === undefined) return undefined;
      if (inode.kind === 'file') throw errno('ENOTDIR', path);
      inode = inode.entries.get(name);
    }
    return inode;
  }

  #folder(path: string): Folder {
    const inode = this.#find(path);
    if (inode === undefined) throw errno('ENOENT', path);
    if (inode.kind === 'file') throw errno('ENOTDIR', path);
    return inode;
  }
}

/** Carries out of a change what its fate says. */
function applyPart(change: Change, fate: Fate, twinOf: (inode: Inode) => Inode): void {
  if (fate === 'lost') return;
  const inode = twinOf(change.inode);
  if (change.kind === 'entry') {
    if (inode.kind !== 'folder') throw new Error('only folders have entries');
    if (change.target === undefined) inode.entries.delete(change.name);
    else inode.entries.set(change.name, twinOf(change.target));
    return;
  }
  if (inode.kind !== 'file') throw new Error('only files hold bytes');
  const { position, bytes } = change;
  const length = typeof fate === 'object' && 'prefix' in fate ? fate.prefix : bytes.length;
  if (length === 0) return;
  const before = inode.bytes;
  const after = new Uint8Array(Math.max(before.length, position + length));
  after.set(before);
  for (let at = 0; at < length;) {
    // Sectors lie at fixed places of a file, wherever a write begins.
    const sector = Math.floor((position + at) / sectorBytes);
    const end = Math.min(length, (sector + 1) * sectorBytes - position);
    const written =
      fate === 'sized'
        ? false
        : typeof fate === 'object' && 'sectors' in fate
          ? fate.sectors(sector)
          : true;
    if (written) after.set(bytes.subarray(at, end), position + at);
    at = end;
  }
  inode.bytes = after;
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

function imageOf(root: Folder): DiskImage {
  const files = new Map<string, Uint8Array>();
  const folders = new Set<string>();
  const visit = (folder: Folder, path: string): void => {
    for (const [name, inode] of folder.entries) {
      const inner = `${path}/${name}`;
      if (inode.kind === 'file') files.set(inner, inode.bytes);
      else {
        folders.add(inner);
        visit(inode, inner);
      }
    }
  };
  visit(root, '');
  return { files, folders };
}

function sizeOf(inode: Inode): number {
  return inode.kind === 'file' ? inode.bytes.length : 4096;
}

function namesOf(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '');
}

function pathOf(names: readonly string[]): string {
  return `/${names.join('/')}`;
}

/** Answers as the system does: later, and with an error as a refusal of the promise. */
function settle<T>(run: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(run());
  });
}

function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
