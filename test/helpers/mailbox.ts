/** What has arrived, in order, for a test that awaits it instead of sleeping. */
export class Mailbox<T> {
  readonly #letters: T[] = [];
  readonly #readers: ((letter: T) => void)[] = [];

  /** Takes a letter; also usable as a callback. */
  readonly put = (letter: T): void => {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#letters.push(letter);
    else reader(letter);
  };

  /** The next letter, now or when it comes. */
  async next(): Promise<T> {
    if (this.#letters.length > 0) return this.#letters.shift() as T;
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  /** The next letter that fits; those before it are thrown away. */
  async nextThat(fits: (letter: T) => boolean): Promise<T> {
    for (;;) {
      const letter = await this.next();
      if (fits(letter)) return letter;
    }
  }

  /** What has come and nobody has read. */
  get unread(): readonly T[] {
    return this.#letters;
  }
}
