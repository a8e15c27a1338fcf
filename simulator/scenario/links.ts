import { linkKinds, type LinkKind } from '../broker/link-kinds.js';
import type { Amount } from './values.js';

/** Links that a scenario can name. */
export const linkNames = Object.keys(linkKinds) as LinkKind[];

/** How long a packet takes on one. */
export function latencyOf(name: LinkKind): Amount {
  const [low, high] = linkKinds[name].up.latencyMs;
  return low === high ? low : { kind: 'range', low, high, drawn: 'evenly' };
}
