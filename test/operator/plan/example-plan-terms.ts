import type { PlanTerms } from '../../../operator/plan/plan-terms.js';
import { defaultTerms } from '../../../operator/verdict/evidence.js';

/** Both models are wrong on a tenth of the windows, and differ on as many; each window is compared. */
export const examplePlanTerms: PlanTerms = {
  ...defaultTerms,
  devices: 48,
  error: 0.1,
  disagreement: 0.1,
  labelled: 1,
  exposures: [1_000, 2_500, 5_000, 10_000],
  periodMs: 1_000,
  sampled: undefined,
  horizonMs: undefined,
};
