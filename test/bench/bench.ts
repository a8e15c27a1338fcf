/** A figure that a bench found. */
export interface BenchFigure {
  /** What was measured, such as `kws`: unique with the bench's name, the metric and the peer. */
  readonly subject: string;
  /** Which property of it, units last, such as `medianUs` or `gzipBytes`. */
  readonly metric: string;
  readonly value: number;
  /** The same of a peer that took turns with us in the same run. */
  readonly peer?: { readonly name: string; readonly value: number };
  /** What a reader must know to judge the figure. */
  readonly note?: string;
}

/**
 * One thing that is measured; `main.ts` lists them all. A bench reports each figure as soon as it has it, and
 * throws where it cannot measure: a figure is never made up.
 */
export interface Bench {
  /** In kebab case, such as `inference`. */
  readonly name: string;
  run(report: (figure: BenchFigure) => void): Promise<void>;
}
