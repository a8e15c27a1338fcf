import path from 'node:path';
import type { Files } from '../../operator/ports/files.js';
import { ProcessLife } from './process-life.js';

/** A tree of files that outlives the processes that use it, by absolute paths. */
export interface MemoryTree {
  readonly files: Map<string, Uint8Array>;
  readonly folders: Set<string>;
}

/** A tree with nothing but its root. */
export function createMemoryTree(): MemoryTree {
  return { files: new Map(), folders: new Set([path.resolve('/')]) };
}

/**
 * The files of an operator in memory, as one life of a process sees them. Each change is one write of that life; what changes
 * nothing is none. Modes mean nothing here.
 */
export class MemoryFiles implements Files {
  readonly #tree: MemoryTree;
  readonly #life: ProcessLife;

  constructor(tree = createMemoryTree(), life = new ProcessLife()) {
    this.#tree = tree;
    this.#life = life;
  }

  read(file: string): Uint8Array | undefined {
    return this.#life.read(() => {
      const at = this.#find(file);
      if (this.#tree.folders.has(at)) throw failure('EISDIR', at);
      return this.#tree.files.get(at)?.slice();
    });
  }

  exists(name: string): boolean {
    return this.#life.read(() => {
      const at = absolute(name);
      return this.#tree.files.has(at) || this.#tree.folders.has(at);
    });
  }

  list(folder: string): readonly string[] {
    return this.#life.read(() => {
      const at = this.#find(folder);
      if (this.#tree.files.has(at)) throw failure('ENOTDIR', at);
      return [...this.#tree.files.keys(), ...this.#tree.folders]
        .filter((each) => each !== at && path.dirname(each) === at)
        .map((each) => path.basename(each))
        .sort();
    });
  }

  writeDurably(file: string, content: string | Uint8Array): void {
    const at = this.#findPlace(file);
    this.#life.write(() => this.#tree.files.set(at, bytesOf(content)));
  }

  writeNew(file: string, content: string | Uint8Array): void {
    const at = this.#findPlace(file);
    if (this.exists(at)) throw failure('EEXIST', at);
    this.#life.write(() => this.#tree.files.set(at, bytesOf(content)));
  }

  remove(file: string): void {
    const at = this.#find(file);
    if (this.#tree.folders.has(at)) throw failure('EISDIR', at);
    if (this.exists(at)) this.#life.write(() => this.#tree.files.delete(at));
  }

  makeFolder(folder: string): void {
    const at = this.#find(folder);
    if (this.#tree.files.has(at)) throw failure('EEXIST', at);
    if (this.exists(at)) return;
    this.#life.write(() => {
      for (let each = at; !this.#tree.folders.has(each); each = path.dirname(each)) {
        this.#tree.folders.add(each);
      }
    });
  }

  /** Where a name leads. Throws `ENOTDIR` where a file is taken for a folder. */
  #find(name: string): string {
    const at = absolute(name);
    for (
      let above = path.dirname(at);
      !this.#tree.folders.has(above);
      above = path.dirname(above)
    ) {
      if (this.#tree.files.has(above)) throw failure('ENOTDIR', at);
    }
    return at;
  }

  /** Where a file is to be written. Throws what a system says where it cannot be. */
  #findPlace(file: string): string {
    const at = this.#find(file);
    if (this.#tree.folders.has(at)) throw failure('EISDIR', at);
    if (!this.#tree.folders.has(path.dirname(at))) throw failure('ENOENT', at);
    return at;
  }
}

/** Relative names begin at the root. */
function absolute(name: string): string {
  return path.resolve('/', name);
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content.slice();
}

function failure(code: string, at: string): Error {
  return Object.assign(new Error(`${code}: ${at}`), { code });
}
