import type { Guardrail } from '../guardrail.js';
import { per100 } from '../words.js';

/** Single devices that are certainly worse off: a few stay on the champion, more are the challenger's doing. */
export const namedDevices: Guardrail = {
  name: 'named-devices',
  shareOfAlpha: 1 / 8,
  judge({ terms, fleet }) {
    const named = fleet.flatMap((member) => member.named ?? []);
    const most = terms.harmShare * fleet.length;
    const numbers = { named: named.length, present: fleet.length, share: terms.harmShare };
    if (named.length < 2 || named.length <= most) {
      return { verdict: 'safe', numbers, reason: 'no more devices are worse than may be' };
    }
    const reason = `${named.length} of ${fleet.length} devices are certainly worse, which is more than ${per100(terms.harmShare)} % of them`;
    return { verdict: 'harm', numbers, reason };
  },
};
