import type { Finding } from './judgement.js';
import type { Look } from './look.js';

/** One thing that is watched. A guardrail is a value: the registry lists them, and nothing else knows them. */
export interface Guardrail {
  readonly name: string;
  /** Its part of the chance of a wrong "harm"; those of all guardrails add up to 1. */
  readonly shareOfAlpha: number;
  /** Pure. Undefined where it does not apply, such as a test of a step in the shadow. */
  judge(look: Look): Omit<Finding, 'guardrail' | 'shareOfAlpha'> | undefined;
}
