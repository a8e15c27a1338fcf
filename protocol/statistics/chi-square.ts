import { lastWhere } from './bisection.js';
import { logGamma } from './log-gamma.js';

/** The chance that a χ² variable of so many degrees of freedom (at least 1) exceeds x >= 0. */
export function chiSquareAbove(x: number, degrees: number): number {
  return upperGamma(degrees / 2, x / 2);
}

/** The x that a χ² variable of so many degrees of freedom exceeds with the chance alpha in (0, 1). */
export function chiSquareQuantile(alpha: number, degrees: number): number {
  const exceeds = (x: number): boolean => chiSquareAbove(x, degrees) > alpha;
  let far = degrees;
  while (exceeds(far)) far *= 2;
  return lastWhere(exceeds, 0, far);
}

/** Q(a, x) = Γ(a, x) / Γ(a), by whichever expansion converges fast. */
function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const factor = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? 1 - factor * lowerSeries(a, x) : factor * upperFraction(a, x);
}

/** Σ x^k / (a (a + 1) … (a + k)), DLMF 8.7.1. */
function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let k = 1; term > sum * precision; k++) {
    term *= x / (a + k);
    sum += term;
  }
  return sum;
}

/** 1/(x + 1 - a - 1(1 - a)/(x + 3 - a - 2(2 - a)/(…))), DLMF 8.9.2, from the inside out. */
function upperFraction(a: number, x: number): number {
  let rest = 0;
  for (let k = depth; k >= 1; k--) rest = (k * (k - a)) / (x + 2 * k + 1 - a - rest);
  return 1 / (x + 1 - a - rest);
}

const precision = 1e-17;
/** Enough for fifteen digits wherever x > a + 1 >= 1.5, up to a thousand degrees of freedom. */
const depth = 1000;
