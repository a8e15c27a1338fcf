import type { StorageFault } from '../ports/memory-storage.js';

interface Cut {
  remaining: number;
  readonly cut: () => void;
  readonly calls: number | undefined;
  /** Whether operations that only read count, too. */
  readonly ofAny: boolean;
}

/** What is wrong with the disk of a device at present. */
export class DiskFaults {
  /** Writes find no room. */
  isFull = false;
  /** Every operation fails. */
  fails = false;
  /** Writes fail. */
  isReadOnly = false;
  /** The power goes at an operation. */
  #cut: Cut | undefined;

  /**
   * The power goes at the so manieth operation from now, 1 is the next.
   *
   * @param calls in the middle of it, after so many calls of the system; before it where it is left out
   */
  cutAt(operation: number, cut: () => void, calls?: number): void {
    this.#cut = { remaining: operation, cut, calls, ofAny: true };
  }

  /** The power goes in the middle of the next operation that writes, after so many calls of the system. */
  tearNext(calls: number, cut: () => void): void {
    this.#cut = { remaining: 1, cut, calls, ofAny: false };
  }

  /** The power does not go at an operation any more. */
  spare(): void {
    this.#cut = undefined;
  }

  before(what: string): StorageFault {
    const writes = /^(write|writeAt|move|remove) /.test(what);
    const counts = this.#cut !== undefined && (this.#cut.ofAny || writes);
    if (this.#cut !== undefined && counts && --this.#cut.remaining === 0) {
      const { cut, calls } = this.#cut;
      this.#cut = undefined;
      if (calls !== undefined) return { calls, cut };
      cut();
      return 'stop';
    }
    if (this.fails || (this.isReadOnly && writes)) return 'fail';
    return this.isFull && /^write/.test(what) ? 'full' : 'go';
  }
}
