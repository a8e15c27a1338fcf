/** How long a test waits for what is bound to come before it says what came instead. */
const patienceMs = 60_000;

/** What happened so far, in order, and a way to wait for what is still to happen. */
export class Journal<T> {
  readonly #name: string;
  readonly #entries: T[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(name: string) {
    this.#name = name;
  }

  get entries(): readonly T[] {
    return this.#entries;
  }

  get length(): number {
    return this.#entries.length;
  }

  add(entry: T): void {
    this.#entries.push(entry);
    for (const listener of [...this.#listeners]) listener();
  }

  /**
   * Waits for the first entry that fits, counting from entry number `from`. Fails with the last entries in
   * its message.
   */
  find(fits: (entry: T) => boolean, from = 0): Promise<T> {
    return new Promise((resolve, reject) => {
      let next = from;
      const look = (): void => {
        for (; next < this.#entries.length; next++) {
          const entry = this.#entries[next] as T;
          if (!fits(entry)) continue;
          finish();
          resolve(entry);
          return;
        }
      };
      const giveUp = setTimeout(() => {
        finish();
        const last = this.#entries.slice(-5).map((entry) => JSON.stringify(entry));
        reject(new Error(`${this.#name}: nothing fits ${String(fits)}; last: ${last.join('\n')}`));
      }, patienceMs);
      const finish = (): void => {
        clearTimeout(giveUp);
        this.#listeners.delete(look);
      };
      this.#listeners.add(look);
      look();
    });
  }
}
