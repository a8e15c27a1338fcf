import type { StorageFault } from '../ports/memory-storage.js';

/** What is wrong with the disk of a device at present. */
export class DiskFaults {
  /** Writes find no room. */
  isFull = false;
  /** Every operation fails. */
  fails = false;
  /** Writes fail. */
  isReadOnly = false;
  /** Called at the operation with this number from now, before it is carried out: then the power goes. */
  #cut: { remaining: number; readonly cut: () => void } | undefined;

  /** The power goes at the so manieth operation from now, 1 is the next. */
  cutAt(operation: number, cut: () => void): void {
    this.#cut = { remaining: operation, cut };
  }

  before(what: string): StorageFault {
    if (this.#cut !== undefined && --this.#cut.remaining === 0) {
      const { cut } = this.#cut;
      this.#cut = undefined;
      cut();
      return 'stop';
    }
    const writes = /^(write|writeAt|move|remove) /.test(what);
    if (this.fails || (this.isReadOnly && writes)) return 'fail';
    return this.isFull && /^write/.test(what) ? 'full' : 'go';
  }
}
