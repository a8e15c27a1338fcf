/** Fewer compared windows, or fewer with a loss, say nothing about their neighbours. */
const leastWindows = 20;
const leastLosses = 5;

/** Sums over the known losses of compared windows: 1 where only the champion was right, -1 where only the challenger was. */
export interface LossSums {
  readonly windows: number;
  readonly losses: number;
  readonly squares: number;
  /** Products of the losses of neighbours. */
  readonly products: number;
}

export const noLosses: LossSums = { windows: 0, losses: 0, squares: 0, products: 0 };

/**
 * How much the loss of a window says about that of the next, in 1/1000: the lag-1 correlation. Windows that agree lose nothing,
 * and those without a label are taken to. Undefined where too little is known.
 */
export function correlationPermille(sums: LossSums): number | undefined {
  const { windows, losses, squares, products } = sums;
  if (windows < leastWindows || squares < leastLosses) return undefined;
  const mean = losses / windows;
  const variance = squares / windows - mean * mean;
  if (variance <= 0) return undefined;
  const covariance = products / (windows - 1) - mean * mean;
  return Math.round(1000 * Math.max(-1, Math.min(1, covariance / variance)));
}
