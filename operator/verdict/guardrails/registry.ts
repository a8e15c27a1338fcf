import type { Guardrail } from '../guardrail.js';
import { labelFree } from './label-free.js';
import { lateAnswers } from './late-answers.js';
import { lostDevices } from './lost-devices.js';
import { meanLoss } from './mean-loss.js';
import { namedDevices } from './named-devices.js';
import { servedLoss } from './served-loss.js';
import { silenceRatio } from './silence-ratio.js';
import { strata } from './strata.js';

/** All that is watched, in the order in which a verdict speaks of it. */
export const guardrails: readonly Guardrail[] = [
  meanLoss,
  labelFree,
  servedLoss,
  namedDevices,
  silenceRatio,
  strata,
  lostDevices,
  lateAnswers,
];
