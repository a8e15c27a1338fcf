import type { TrialTerms } from '../protocol/documents/policy.js';
import { limits } from '../protocol/limits.js';
import type { Arguments, Option } from './command.js';

/** What a release must show on each device before it is committed there. */
export const trialOptions = {
  soak: {
    type: 'number',
    describe: 'Seconds that a device must serve the release before it is committed there.',
    default: 0,
  },
  inferences: {
    type: 'number',
    describe: 'Good inferences that a device must see before the release is committed there.',
    default: 1,
  },
} as const satisfies Record<string, Option>;

/** The trial that the options ask for. Throws `usage-invalid`. */
export function trialOf(given: Arguments): TrialTerms {
  return {
    soakMs: given.wholeNumber('soak', 0, limits.soakMs / 1000) * 1000,
    inferences: given.wholeNumber('inferences', 1, limits.trialInferences),
  };
}
