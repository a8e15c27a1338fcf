import { concentrationFor } from '../../../protocol/statistics/beta-binomial.js';
import { logEValueOfExcess } from '../../../protocol/statistics/rare-events.js';
import { armsOf } from '../arms.js';
import type { Guardrail } from '../guardrail.js';

const shareOfAlpha = 1 / 8;

/** Devices may fall silent at twice the rate of the others: they have activated something. */
const toleratedRatio = 2;

/** Devices that fall silent when the challenger serves them, beside those that it does not serve. */
export const silenceRatio: Guardrail = {
  name: 'silence-ratio',
  shareOfAlpha,
  judge(look) {
    const arms = armsOf(look);
    if (arms === undefined || arms.control.devices === 0 || arms.exposed.devices === 0)
      return undefined;
    const { exposed, control } = arms;
    const treatedShare = exposed.devices / (exposed.devices + control.devices);
    const counts = { treated: exposed.silent, control: control.silent };
    const wealth = logEValueOfExcess(counts, toleratedRatio, {
      treatedShare,
      concentration: concentrationFor(20, 0.05),
    });
    const limit = Math.log(look.terms.steps / (look.terms.alpha * shareOfAlpha));
    const numbers = { ...counts, treatedShare, wealth, limit };
    const reason = `${exposed.silent} of ${exposed.devices} devices fell silent when it served them, beside ${control.silent} of ${control.devices} others`;
    return { verdict: wealth >= limit ? 'harm' : 'safe', numbers, reason };
  },
};
