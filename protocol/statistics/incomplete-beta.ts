import { logBeta } from './log-beta.js';

/**
 * ln I_x(a, b), the logarithm of the chance that a Beta(a, b) variable is at most x, for 0 < x < 1 and
 * a, b > 0. Logarithms, because evidence against a hypothesis makes this chance smaller than a double can be.
 */
export function logBetaBelow(x: number, a: number, b: number): number {
  return logTail({ x, logX: Math.log(x), logRest: Math.log1p(-x) }, a, b);
}

/** ln(1 - I_x(a, b)), the logarithm of the chance that a Beta(a, b) variable exceeds x. */
export function logBetaAbove(x: number, a: number, b: number): number {
  return logTail({ x: 1 - x, logX: Math.log1p(-x), logRest: Math.log(x) }, b, a);
}

/** A point x in (0, 1) with ln x and ln(1 - x), which would lose digits if taken from a rounded 1 - x. */
interface Point {
  readonly x: number;
  readonly logX: number;
  readonly logRest: number;
}

function logTail({ x, logX, logRest }: Point, a: number, b: number): number {
  // Beyond this point the fraction converges slowly, and the other tail is the smaller one (DLMF 8.17.4).
  if (x > (a + 1) / (a + b + 2)) {
    return logOfRest(logSmallTail({ x: 1 - x, logX: logRest, logRest: logX }, b, a));
  }
  return logSmallTail({ x, logX, logRest }, a, b);
}

function logSmallTail({ x, logX, logRest }: Point, a: number, b: number): number {
  const logFactor = a * logX + b * logRest - logBeta(a, b) - Math.log(a);
  return Math.min(0, logFactor - Math.log(betaFraction(x, a, b)));
}

/** ln(1 - e^l) for l <= 0, exact at both ends. */
function logOfRest(logarithm: number): number {
  return logarithm > -Math.LN2
    ? Math.log(-Math.expm1(logarithm))
    : Math.log1p(-Math.exp(logarithm));
}

/**
 * The continued fraction 1 + d1/(1 + d2/(1 + …)) of DLMF 8.17.22, whose inverse belongs to I_x(a, b), by
 * the modified Lentz method. The steps needed grow as the square root of a + b: 3,000 for ten million.
 */
function betaFraction(x: number, a: number, b: number): number {
  let fraction = 1;
  let ratio = 1;
  let inverse = 0;
  for (let step = 1; step <= mostSteps; step++) {
    const m = Math.floor(step / 2);
    const numerator = step % 2 === 0 ? m * (b - m) : -(a + m) * (a + b + m);
    // The brackets keep a tiny shape from being rounded away in 1 + a - 1.
    const term = (numerator * x) / ((a + (step - 1)) * (a + step));
    ratio = awayFromZero(1 + term / ratio);
    inverse = 1 / awayFromZero(1 + term * inverse);
    const factor = ratio * inverse;
    fraction *= factor;
    if (Math.abs(factor - 1) < precision) return fraction;
  }
  throw new Error(`the incomplete beta function of ${x}, ${a}, ${b} does not converge`);
}

function awayFromZero(value: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}

const mostSteps = 100_000;
const precision = 1e-15;
/** Replaces a zero denominator of Lentz's method; its size cancels out in the next step. */
const tiny = 1e-300;
