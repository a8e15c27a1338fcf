/**
 * How many values fell into each of a few bins that never change, such as confidences by tenths. Bins are
 * half open, [edge, next edge); the first and the last are open-ended, so every number has its bin. Counts of
 * two histograms with the same edges add up exactly.
 */
export class Histogram {
  /** Between the bins, ascending; one less than there are bins. */
  readonly edges: readonly number[];
  readonly counts: number[];
  /** Values that were NaN. */
  notNumbers = 0;

  constructor(edges: readonly number[]) {
    this.edges = edges;
    this.counts = new Array<number>(edges.length + 1).fill(0);
  }

  add(value: number): void {
    if (Number.isNaN(value)) {
      this.notNumbers++;
      return;
    }
    const bin = this.edges.findIndex((edge) => value < edge);
    const counted = bin < 0 ? this.edges.length : bin;
    this.counts[counted] = (this.counts[counted] ?? 0) + 1;
  }

  /** Adds the counts of another one; its edges must be the same. */
  merge(other: Histogram): void {
    if (other.edges.join() !== this.edges.join()) throw new Error('the edges of histograms differ');
    this.notNumbers += other.notNumbers;
    other.counts.forEach((count, bin) => {
      this.counts[bin] = (this.counts[bin] ?? 0) + count;
    });
  }
}

/** The edges of so many equally wide bins from `low` to `high`. */
export function equalEdges(low: number, high: number, bins: number): readonly number[] {
  return Array.from({ length: bins - 1 }, (_, i) => low + ((high - low) * (i + 1)) / bins);
}
