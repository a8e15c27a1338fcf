import { participants } from './coverage.js';
import type { NamedDevice } from './judgement.js';
import type { Look } from './look.js';
import { isTooEarlyToName, namingTerms } from './naming.js';
import { countOf, idsOf, per100 } from './words.js';

/** What "safe" says, of whom, and what it does not say; the first sentence stands after "safe:". */
export function safeSentence(look: Look): string {
  const { evidence, fleet } = look;
  const { champion } = evidence.names;
  const inside = participants(look).length;
  const named = fleet.length === 1 ? [] : fleet.flatMap((member) => member.named ?? []);
  const away = fleet.length - inside - named.length;
  const sentences = [claimOf(look, inside, named.length), aboutSingleDevices(look, named)];
  if (away === 1) sentences.push(`1 present device has not compared: it stays on ${champion}`);
  if (away > 1)
    sentences.push(`${away} present devices have not compared: they stay on ${champion}`);
  if (fleet.length < 3) sentences.push('In a fleet this small a single device decides');
  return `${sentences.join('. ')}.`;
}

function claimOf({ terms, evidence }: Look, inside: number, named: number): string {
  const { champion, challenger } = evidence.names;
  const whom =
    terms.scope === 'population'
      ? `on devices like the ${inside} that compared`
      : `on the ${countOf(inside, 'device')} that compared`;
  const average = named > 0 ? 'the average of the others' : 'the average device';
  const less = `less than ${per100(terms.safe)} more wrong answers per 100 windows of ${average}`;
  const because = terms.evidence === 'health' ? ', as they differ on no more,' : '';
  const certain = `certain to ${per100(1 - terms.alpha)} %, however often one looks`;
  return `${whom}, ${challenger} gives ${less}${because} than ${champion} (${certain})`;
}

function aboutSingleDevices(
  { fleet, terms, evidence }: Look,
  named: readonly NamedDevice[],
): string {
  const { champion } = evidence.names;
  if (named.length > 0) {
    const each = named.map(({ id, loss }) => `${id} (worse, about ${per100(loss)} points)`);
    const stay = named.length === 1 ? 'is worse and stays' : 'are worse and stay';
    return `${countOf(named.length, 'device')} ${stay} on ${champion}: ${idsOf(each)}`;
  }
  const most = fleet.reduce((longest, { blocks }) => Math.max(longest, blocks.length), 0);
  return isTooEarlyToName(most, namingTerms(terms, fleet.length))
    ? 'It is too early to name single devices'
    : 'No device is known to be worse';
}
