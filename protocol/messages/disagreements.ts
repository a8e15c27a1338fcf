import { encodeCbor } from '../cbor/encode.js';
import { checkInteger, checkList, checkText, parseFields } from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';
import { limits } from '../limits.js';
import type { Result } from '../result.js';
import {
  comparisonHeadEntries,
  parseComparisonHead,
  type ComparisonHead,
} from '../comparison-head.js';

/** Windows on which champion and challenger differ, so that somebody can say who was right. */
export interface Disagreements extends ComparisonHead {
  readonly entries: readonly Disagreement[];
}

/** One window, by the boot and the number of its result. */
export interface Disagreement {
  readonly boot: number;
  readonly window: number;
  /** Milliseconds since the epoch. */
  readonly t: number;
  readonly champion: GivenAnswer;
  readonly challenger: GivenAnswer;
}

/** What a release said: no label where it named no class or was late, the score in 1/1000 where it has one. */
export interface GivenAnswer {
  readonly label: string | undefined;
  readonly scorePermille: number | undefined;
}

const anyInteger = [0, Number.MAX_SAFE_INTEGER] as const;
const anyScore = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const;

/** The payload of disagreements, in deterministic CBOR. Whoever sends them keeps them below `limits.evidenceBytes`. */
export function encodeDisagreements(message: Disagreements): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      ...comparisonHeadEntries(message),
      [7, message.entries.map(disagreementValue)],
    ]),
  );
}

/** Reads disagreements from a payload whose signature is the reader's to check. Refuses with `document-invalid`. */
export function parseDisagreements(payload: Uint8Array): Result<Disagreements> {
  return parseFields(payload, 'disagreements', (fields) => {
    return {
      ...parseComparisonHead(fields),
      entries: fields.list(7, [1, limits.disagreements], parseDisagreement),
    };
  });
}

/** One entry as it stands in the message, and wherever else entries are listed. */
export function disagreementValue({ boot, window, t, ...answers }: Disagreement): CborValue {
  return [boot, window, t, answerValue(answers.champion), answerValue(answers.challenger)];
}

/** Reads an entry; refuses as its document does. */
export function parseDisagreement(value: CborValue, path: string): Disagreement {
  const [boot, window, t, champion, challenger] = checkList(value, [5, 5], path);
  return {
    boot: checkInteger(boot, anyInteger, `${path}[0]`),
    window: checkInteger(window, anyInteger, `${path}[1]`),
    t: checkInteger(t, anyInteger, `${path}[2]`),
    champion: parseAnswer(champion, `${path}[3]`),
    challenger: parseAnswer(challenger, `${path}[4]`),
  };
}

/** Nothing, a label, or a label with its score. */
function answerValue({ label, scorePermille }: GivenAnswer): CborValue {
  if (label === undefined) return [];
  return scorePermille === undefined ? [label] : [label, scorePermille];
}

function parseAnswer(value: CborValue | undefined, path: string): GivenAnswer {
  const [label, score] = checkList(value, [0, 2], path);
  return {
    label:
      label === undefined
        ? undefined
        : checkText(label, [1, limits.textBytes], undefined, `${path}[0]`),
    scorePermille: score === undefined ? undefined : checkInteger(score, anyScore, `${path}[1]`),
  };
}
