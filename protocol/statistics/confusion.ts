/** Above this many classes, exact pairs cost more memory than their news is worth. */
export const mostClasses = 32;

/**
 * What the champion and the challenger answered to the same inputs: exact counts of every pair of classes.
 * A rule that abstains is a class of its own, which the caller numbers.
 */
export class Confusion {
  readonly classes: number;
  /** Row by row: the champion's class is the row, the challenger's the column. */
  readonly counts: number[];

  constructor(classes: number) {
    if (!Number.isInteger(classes) || classes < 1 || classes > mostClasses)
      throw new Error(`${classes} classes are not between 1 and ${mostClasses}`);
    this.classes = classes;
    this.counts = new Array<number>(classes * classes).fill(0);
  }

  /** Counts one input that both answered. */
  add(champion: number, challenger: number): void {
    const at = this.#place(champion, challenger);
    this.counts[at] = (this.counts[at] ?? 0) + 1;
  }

  /** How often the champion said the one and the challenger the other. */
  of(champion: number, challenger: number): number {
    return this.counts[this.#place(champion, challenger)] ?? 0;
  }

  /** Adds the counts of another one over the same classes. */
  merge(other: Confusion): void {
    if (other.classes !== this.classes) throw new Error('the classes of confusions differ');
    other.counts.forEach((count, at) => {
      this.counts[at] = (this.counts[at] ?? 0) + count;
    });
  }

  /** Inputs that both answered alike, of all: the counts that `beta-binomial.ts` takes. */
  agreement(): { readonly successes: number; readonly n: number } {
    let successes = 0;
    for (let each = 0; each < this.classes; each++) successes += this.of(each, each);
    return { successes, n: this.counts.reduce((sum, count) => sum + count, 0) };
  }

  #place(champion: number, challenger: number): number {
    for (const each of [champion, challenger]) {
      if (!Number.isInteger(each) || each < 0 || each >= this.classes)
        throw new Error(`there is no class ${each} among ${this.classes}`);
    }
    return champion * this.classes + challenger;
  }
}
