/** What can become of one write of a process. `refused`: it is not carried out, and the process lives on. */
export type WriteFault = 'killed-before' | 'killed-after' | 'refused';

/** One write of a life, counted from 1, and what becomes of it. */
export interface Fate {
  readonly write: number;
  readonly fault: WriteFault;
}

/** Thrown at a process that was killed, or whose write was refused. */
export class StruckError extends Error {}

/**
 * One life of a simulated process. Its writes, to files and to the broker, are counted, and one of them can be its end: what
 * was written before stays, and nothing is read or written after it.
 */
export class ProcessLife {
  #fate: Fate | undefined;
  #struck = (): void => undefined;
  #writes = 0;
  #isOver = false;

  constructor(fate?: Fate) {
    this.#fate = fate;
  }

  /** Writes so far, the last one of a killed process included. */
  get writes(): number {
    return this.#writes;
  }

  /** Whether the process was killed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Its fate comes at a later write, 1 is the next; `struck` is called then, before anything is thrown. */
  doom({ write, fault }: Fate, struck: () => void): void {
    this.#fate = { write: this.#writes + write, fault };
    this.#struck = struck;
  }

  /** Somebody else kills it. */
  end(): void {
    this.#isOver = true;
  }

  /** Whether its fate has come. Code that makes another error of a {@link StruckError} cannot hide it here. */
  get isStruck(): boolean {
    return this.#fate !== undefined && this.#writes >= this.#fate.write;
  }

  /** Throws {@link StruckError} where the process is killed already. */
  read<T>(read: () => T): T {
    if (this.#isOver) throw new StruckError('the process was killed');
    return read();
  }

  /** Carries a write out, or not. Throws {@link StruckError}, and what the write throws. */
  write<T>(write: () => T): T {
    return this.read(() => {
      const { fault } = ++this.#writes === this.#fate?.write ? this.#fate : {};
      if (fault === undefined) return write();
      this.#isOver = fault !== 'refused';
      if (fault === 'killed-after') write();
      this.#struck();
      throw new StruckError(`write ${this.#writes}: ${fault}`);
    });
  }
}
