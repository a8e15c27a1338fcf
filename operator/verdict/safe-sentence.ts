import { participants } from './coverage.js';
import type { Look } from './look.js';
import { isTooEarlyToName, namingTerms } from './naming.js';
import { countOf, idsOf, per100 } from './words.js';

/** What "safe" says, of whom, and what it does not say. */
export function safeSentence(look: Look): string {
  const { terms, evidence, fleet, rounds } = look;
  const { champion, challenger } = evidence.names;
  const inside = participants(look);
  const named = fleet.flatMap((member) => member.named ?? []);
  const away = fleet.length - inside.length - named.length;
  const whom =
    terms.scope === 'population'
      ? `on devices like the ${inside.length} that compared`
      : `on the ${countOf(inside.length, 'device')} that compared`;
  const average =
    named.length > 0
      ? 'of the average of the others'
      : inside.length === 1
        ? ''
        : 'of the average device';
  const claim =
    terms.evidence === 'health'
      ? `${challenger} differs from ${champion} on, and so gives at most, less than ${per100(terms.safe)} more wrong answers per 100 windows`
      : `${challenger} gives less than ${per100(terms.safe)} more wrong answers per 100 windows`;
  const sentences = [
    `${whom}, ${[claim, average].filter((text) => text !== '').join(' ')} than ${champion} (certain to ${per100(1 - terms.alpha)} %, however often one looks)`,
    aboutSingleDevices(
      look,
      named.map(({ id, loss }) => `${id} (about ${per100(loss)} points)`),
    ),
  ];
  if (away > 0)
    sentences.push(
      `${countOf(away, 'present device')} have not compared: they stay on ${champion}`,
    );
  if (fleet.length < 3) sentences.push('in a fleet this small a single device decides');
  if (rounds.counted === 0) return sentences.join('. ');
  return sentences.join('. ');
}

function aboutSingleDevices({ fleet, terms }: Look, named: readonly string[]): string {
  if (named.length > 0) {
    return `worse: ${idsOf(named)}; they stay on the champion, and only that they are worse is certain`;
  }
  const most = Math.max(0, ...fleet.map(({ blocks }) => blocks.length));
  return isTooEarlyToName(most, namingTerms(terms, fleet.length))
    ? 'it is too early to name single devices'
    : 'no device is known to be worse';
}
