import { codes, type Code } from '../../protocol/codes.js';
import { accept, refuse, type Result } from '../../protocol/result.js';
import { readSelector, type Selector } from './selector.js';
import { readAmount, type Quantity } from './values.js';

/** What is expected of a run: one of its clauses must hold. */
export interface Expectation {
  /** As it was written; a map of one key as `KEY = VALUE`. */
  readonly text: string;
  /** It must hold in one seed of a search at least; in a single run it is only reported. */
  readonly sometimes: boolean;
  readonly anyOf: readonly Clause[];
}

/** `TERM OP VALUE [WHEN]`. */
export interface Clause {
  readonly term: Term;
  readonly operator: Operator;
  readonly value: TermValue;
  readonly when: When;
}

export type Operator = (typeof operators)[number];

/** Numbers in base units, shares from 0 to 1, or one of the words of the term. */
export type TermValue = number | string;

/** Something that a run can tell at any time. */
export type Term =
  | { readonly kind: 'rollout'; readonly rollout: string; readonly of: RolloutTerm }
  | { readonly kind: 'share' | 'count' | 'energy.joules'; readonly where: Selector }
  | { readonly kind: 'windows'; readonly of: (typeof windowCounts)[number] }
  | { readonly kind: 'events'; readonly code: Code; readonly where: Selector }
  | { readonly kind: 'messages' | 'bytes'; readonly topic: (typeof topicKinds)[number] }
  | { readonly kind: 'reports.missing' | 'wear.max' };

export type RolloutTerm = 'ends' | 'reason' | 'served' | 'wrong' | 'stay';

/** When a clause must hold. `within` counts from the entry of a rollout for its terms, else from 0. */
export type When =
  | { readonly kind: 'at the end' | 'always' }
  | { readonly kind: 'within' | 'at' | 'after'; readonly ms: number };

const operators = ['<=', '>=', '!=', '=', '<', '>'] as const;

const windowCounts = ['completed', 'answered', 'late', 'dropped', 'cut', 'lost', 'wrong'] as const;

const topicKinds = [
  'results',
  'report',
  'evidence',
  'telemetry',
  'state',
  'presence',
  'events',
  'blocks',
  'documents',
] as const;

const ends = ['promoted', 'aborted', 'reverted', 'held', 'running'] as const;

const reasons = [
  'loss',
  'served',
  'named',
  'silent',
  'failed',
  'late',
  'strata',
  'sample-ratio',
  'horizon',
  'request',
] as const;

/** What values a term has: one of some words, or numbers of one of these quantities. */
type Values =
  | { readonly words: readonly string[] }
  | { readonly quantities: readonly [Quantity, ...Quantity[]] };

const numbers: Values = { quantities: ['number'] };
const shares: Values = { quantities: ['share'] };

const rolloutTerms: Readonly<Record<RolloutTerm, Values>> = {
  ends: { words: ends },
  reason: { words: reasons },
  served: shares,
  wrong: numbers,
  stay: numbers,
};

/** A text that is longer is another kind of text. */
const mostLength = 16_384;

const termForms =
  'rollout(NAME).ends, .reason, .served, .wrong or .stay; share(devices, SELECTOR); count(devices, SELECTOR); ' +
  `windows.${windowCounts.join(', .')}; events(code = CODE and SELECTOR); messages(topic = KIND); bytes(topic = KIND); ` +
  'reports.missing; energy.joules(SELECTOR); wear.max';

/** Reads an expectation as YAML has it. Refuses with `scenario-invalid`, saying what is allowed. */
export function readExpectation(given: unknown): Result<Expectation> {
  const sometimes = valueOfOnly(given, 'sometimes');
  const text = textOf(sometimes ?? given);
  if (text === undefined) {
    return invalid('must be a text TERM OP VALUE [WHEN], or a map of one key');
  }
  if (text.length > mostLength) return invalid(`must have at most ${mostLength} characters`);
  const anyOf: Clause[] = [];
  for (const part of text.split(/ or (?![^(]*\))/)) {
    const clause = readClause(part.trim());
    if (!clause.ok) return clause;
    anyOf.push(clause.value);
  }
  return accept({ text, sometimes: sometimes !== undefined, anyOf });
}

/** A text, or a map of one key as `KEY = VALUE`; of a key without a value it is the key. */
function textOf(given: unknown): string | undefined {
  if (typeof given === 'string') return given.trim();
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
  const [entry, ...more] = Object.entries(given) as [string, unknown][];
  if (entry === undefined || more.length > 0) return undefined;
  const [key, value] = entry;
  if (value === null || value === '') return key.trim();
  return typeof value === 'string' ? `${key.trim()} = ${value.trim()}` : undefined;
}

function valueOfOnly(given: unknown, name: string): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
  const [entry, ...more] = Object.entries(given) as [string, unknown][];
  return entry?.[0] === name && more.length === 0 ? (entry[1] ?? '') : undefined;
}

function readClause(text: string): Result<Clause> {
  const match =
    /^([a-z]+(?:\.[a-z]+)?(?:\([^()]*\))?(?:\.[a-z]+)?) *(<=|>=|!=|=|<|>) *([^<>=!]+)$/.exec(text);
  if (match === null)
    return invalid(`must be TERM OP VALUE [WHEN], OP one of ${operators.join(' ')}`);
  const [, termText = '', operatorText, rest = ''] = match;
  const operator = operators.find((each) => each === operatorText) ?? '=';
  const term = readTerm(termText);
  if (!term.ok) return term;
  const when = readWhen(rest);
  if (!when.ok) return when;
  const value = readValue(term.value, operator, when.value.before);
  if (!value.ok) return value;
  return accept({ term: term.value, operator, value: value.value, when: when.value.when });
}

function readTerm(text: string): Result<Term> {
  const [, name, argument, last] =
    /^([a-z]+(?:\.[a-z]+)?)(?:\(([^()]*)\)(?:\.([a-z]+))?)?$/.exec(text) ?? [];
  const [, rollout] = /^([a-z][a-z0-9-]{0,31})$/.exec(argument?.trim() ?? '') ?? [];
  if (name === 'rollout' && rollout !== undefined) {
    const of = (['ends', 'reason', 'served', 'wrong', 'stay'] as const).find(
      (each) => each === last,
    );
    if (of !== undefined) return accept({ kind: 'rollout', rollout, of });
  }
  if (last !== undefined) return noTerm(text);
  if (argument === undefined) {
    if (name === 'reports.missing' || name === 'wear.max') return accept({ kind: name });
    const of = windowCounts.find((each) => `windows.${each}` === name);
    return of === undefined ? noTerm(text) : accept({ kind: 'windows', of });
  }
  switch (name) {
    case 'share':
    case 'count': {
      const [, where] = /^ *devices *,(.*)$/s.exec(argument) ?? [];
      return where === undefined ? noTerm(text) : withSelector(name, where);
    }
    case 'energy.joules':
      return withSelector(name, argument);
    case 'events':
      return readEvents(argument);
    case 'messages':
    case 'bytes': {
      const [, given] = /^ *topic *= *([a-z]+) *$/.exec(argument) ?? [];
      const topic = topicKinds.find((each) => each === given);
      return topic === undefined
        ? invalid(`must be ${name}(topic = KIND), KIND one of ${topicKinds.join(', ')}`)
        : accept({ kind: name, topic });
    }
    default:
      return noTerm(text);
  }
}

function withSelector(kind: 'share' | 'count' | 'energy.joules', text: string): Result<Term> {
  const where = readSelector(text);
  return where.ok ? accept({ kind, where: where.value }) : where;
}

function readEvents(argument: string): Result<Term> {
  const [, given = '', selector] = /^ *code *= *([a-z-]+)(?: +and (.*)| *)$/s.exec(argument) ?? [];
  if (!Object.hasOwn(codes, given)) {
    return invalid('must be events(code = CODE), with a code of docs/codes.md');
  }
  const where = readSelector(selector ?? 'all');
  return where.ok ? accept({ kind: 'events', code: given as Code, where: where.value }) : where;
}

function readWhen(text: string): Result<{ readonly before: string; readonly when: When }> {
  const [, before = '', always, kind, time = ''] =
    /^(.*?)(?: +(always)| +(within|at|after)(?: +(.*))?)?$/s.exec(text.trim()) ?? [];
  if (always !== undefined) return accept({ before, when: { kind: 'always' } });
  if (kind === undefined) return accept({ before, when: { kind: 'at the end' } });
  const ms = readAmount('duration', time);
  if (!ms.ok || typeof ms.value !== 'number' || ms.value < 0) {
    return invalid(`must have a duration such as 8 h behind ${kind}`);
  }
  return accept({ before, when: { kind: kind as 'within' | 'at' | 'after', ms: ms.value } });
}

function readValue(term: Term, operator: Operator, text: string): Result<TermValue> {
  const values = valuesOf(term);
  if ('words' in values) {
    if (operator !== '=' && operator !== '!=') {
      return invalid(`must have = or != for one of ${values.words.join(', ')}`);
    }
    return values.words.includes(text)
      ? accept(text)
      : invalid(`must be one of ${values.words.join(', ')}`);
  }
  for (const quantity of values.quantities) {
    const amount = readAmount(quantity, text);
    if (amount.ok && typeof amount.value === 'number') return accept(amount.value);
  }
  const what = values.quantities[0] === 'share' ? 'a share such as 95 %' : 'a number';
  return invalid(`must have ${what} as its value`);
}

function valuesOf(term: Term): Values {
  if (term.kind === 'rollout') return rolloutTerms[term.of];
  if (term.kind === 'share') return shares;
  if (term.kind === 'bytes') return { quantities: ['number', 'size'] };
  return numbers;
}

function noTerm(text: string): Result<never> {
  return invalid(`must have a term that is known; ${JSON.stringify(text)} is none of ${termForms}`);
}

function invalid(detail: string): Result<never> {
  return refuse('scenario-invalid', detail);
}
