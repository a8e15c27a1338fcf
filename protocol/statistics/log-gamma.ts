/**
 * ln Γ(x) for x > 0, to about 1e-15 of its size: Stirling's series from 10 on, below that by the recurrence
 * Γ(x) = Γ(x + k) / (x (x + 1) … (x + k - 1)).
 */
export function logGamma(x: number): number {
  let product = 1;
  let shifted = x;
  for (; shifted < stirlingFrom; shifted++) product *= shifted;
  const stirling = (shifted - 0.5) * Math.log(shifted) - shifted + halfLogTwoPi;
  return stirling + stirlingError(shifted) - Math.log(product);
}

/**
 * What Stirling's formula leaves out: ln Γ(x) - ((x - 1/2) ln x - x + ln(2π) / 2) for x >= 10. Terms
 * B_2k / (2k (2k - 1) x^(2k - 1)) of the asymptotic series (DLMF 5.11.1); the first one left out is below 1e-16.
 */
export function stirlingError(x: number): number {
  const inverseSquare = 1 / (x * x);
  let sum = 0;
  for (const coefficient of stirlingCoefficients) sum = sum * inverseSquare + coefficient;
  return sum / x;
}

/** From where on Stirling's series is exact to the last bits. */
export const stirlingFrom = 10;

const halfLogTwoPi = 0.5 * Math.log(2 * Math.PI);

/** From the highest power down, for k = 7 … 1. */
const stirlingCoefficients = [
  1 / 156,
  -691 / 360360,
  1 / 1188,
  -1 / 1680,
  1 / 1260,
  -1 / 360,
  1 / 12,
];
