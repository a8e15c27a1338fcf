import type { FlashTerms } from './board.js';

/** The blocks of a file, by their numbers, in the order of its bytes. */
type Blocks = number[];

/**
 * Counts how often the blocks of a device's flash are written. The model is one of wear levelling that is as simple as it
 * gets: no block is ever written in its place. What is written takes the block that has been free for longest, and the one
 * that held it becomes free behind all others; blocks that were never used come first. So files that stay keep their
 * blocks, and those that change share the rest in turn. A file has whole blocks. What a file system writes for itself, and
 * moves of what stays, are not counted.
 */
export class WearMeter {
  readonly #blocks: number;
  readonly #blockBytes: number;
  readonly #files = new Map<string, Blocks>();
  /** Of each block that was ever used. */
  readonly #writes: number[] = [];
  #free: number[] = [];
  /** Where the oldest of them is. */
  #oldest = 0;
  #most = 0;

  constructor({ bytes, blockBytes }: Pick<FlashTerms, 'bytes' | 'blockBytes'>) {
    this.#blockBytes = blockBytes;
    this.#blocks = Math.max(1, Math.floor(bytes / blockBytes));
  }

  /** The writes of the block that has most. */
  get mostWrites(): number {
    return this.#most;
  }

  /** A file is written anew, with so many bytes. */
  write(name: string, bytes: number): void {
    const before = this.#files.get(name) ?? [];
    const after = Array.from({ length: Math.ceil(bytes / this.#blockBytes) }, () =>
      this.#take(before),
    );
    this.#files.set(name, after);
    this.#release(before);
  }

  /** So many bytes of a file are written at an offset; the rest of it stays. */
  writeAt(name: string, offset: number, bytes: number): void {
    if (bytes === 0) return;
    const file = this.#files.get(name) ?? [];
    this.#files.set(name, file);
    const first = Math.floor(offset / this.#blockBytes);
    const last = Math.floor((offset + bytes - 1) / this.#blockBytes);
    // A gap before it is filled.
    for (let i = Math.min(first, file.length); i <= last; i++) {
      const before = file.slice(i, i + 1);
      file[i] = this.#take(before);
      this.#release(before);
    }
  }

  /** A file has another name, in the place of what had it before. */
  move(from: string, to: string): void {
    const file = this.#files.get(from);
    if (file === undefined || from === to) return;
    this.remove(to);
    this.#files.delete(from);
    this.#files.set(to, file);
  }

  remove(name: string): void {
    this.#release(this.#files.get(name) ?? []);
    this.#files.delete(name);
  }

  /**
   * A free block, written once more. Without one, a block of what is replaced is written in its place; and what is more than
   * the flash holds, because files have whole blocks, gets another block.
   */
  #take(replaced: Blocks): number {
    const block = this.#nextFree() ?? replaced.shift() ?? this.#writes.length;
    const writes = (this.#writes[block] ?? 0) + 1;
    this.#writes[block] = writes;
    this.#most = Math.max(this.#most, writes);
    return block;
  }

  #nextFree(): number | undefined {
    if (this.#writes.length < this.#blocks) return this.#writes.length;
    const block = this.#free[this.#oldest];
    if (block === undefined) return undefined;
    this.#oldest++;
    // The queue is cut where it is mostly past.
    if (this.#oldest > 1_024 && this.#oldest * 2 > this.#free.length) {
      this.#free = this.#free.slice(this.#oldest);
      this.#oldest = 0;
    }
    return block;
  }

  #release(blocks: Blocks): void {
    this.#free.push(...blocks);
  }
}
