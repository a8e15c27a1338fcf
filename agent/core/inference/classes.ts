/** The names that a release gives to what it sees, one for each output of its last model. */
export class Classes {
  readonly #count: number;
  readonly #labels: ReadonlySet<string>;

  /**
   * @param count outputs of the last model; none for a release that decides nothing
   * @param labels their names; none where they are called by their index in digits
   */
  constructor(count: number, labels: readonly string[]) {
    this.#count = count;
    this.#labels = new Set(count === 0 ? [] : labels);
  }

  /** Whether the release could have said this, letter by letter. */
  has(label: string): boolean {
    if (this.#count === 0 || this.#labels.size > 0) return this.#labels.has(label);
    return /^(0|[1-9][0-9]{0,15})$/.test(label) && Number(label) < this.#count;
  }
}
