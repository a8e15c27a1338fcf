import path from 'node:path';
import type { TryLock } from '../../operator/ports/folder-lock.js';

/** The locks of one simulated process. */
export interface ProcessLocks {
  readonly tryLock: TryLock;
  /** The process ends, and all its locks with it. */
  end(): void;
}

/** Locks of folders among simulated processes. They answer at once, so that no time of the system comes in. */
export class MemoryLocks {
  readonly #holders = new Map<string, symbol>();

  createProcess(): ProcessLocks {
    const mine = new Set<symbol>();
    const leave = (folder: string, holder: symbol): void => {
      mine.delete(holder);
      if (this.#holders.get(folder) === holder) this.#holders.delete(folder);
    };
    return {
      tryLock: (name) => {
        const folder = path.resolve('/', name);
        if (this.#holders.has(folder)) return Promise.resolve(undefined);
        const holder = Symbol(folder);
        mine.add(holder);
        this.#holders.set(folder, holder);
        return Promise.resolve(() => {
          leave(folder, holder);
          return Promise.resolve();
        });
      },
      end: () => {
        for (const [folder, holder] of this.#holders) if (mine.has(holder)) leave(folder, holder);
      },
    };
  }
}
