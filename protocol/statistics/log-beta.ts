import { logGamma, stirlingError, stirlingFrom } from './log-gamma.js';

/**
 * ln B(a, b) = ln Γ(a) + ln Γ(b) - ln Γ(a + b) for a, b > 0. Where the larger of the two is large, the
 * two large logarithms are subtracted on paper: with a million devices they would eat nine digits.
 */
export function logBeta(a: number, b: number): number {
  const small = Math.min(a, b);
  const large = Math.max(a, b);
  const sum = small + large;
  if (large < stirlingFrom) return logGamma(small) + logGamma(large) - logGamma(sum);
  // ln Γ(large) - ln Γ(sum), by Stirling's formula for both.
  const ratio =
    small * (1 - Math.log(sum)) -
    (large - 0.5) * Math.log1p(small / large) +
    stirlingError(large) -
    stirlingError(sum);
  return logGamma(small) + ratio;
}
