import { phases } from '../../protocol/messages/event.js';
import { accept, refuse, type Result } from '../../protocol/result.js';

/** What devices can be selected by. */
const selectorKeys = [
  'id',
  'site',
  'group',
  'profile',
  'class',
  'link',
  'release',
  'phase',
  'condition',
  'labelled',
] as const;

export type SelectorKey = (typeof selectorKeys)[number];

/** What is true of a device when a selector is asked; undefined where there is nothing to tell. */
export type DeviceFacts = Readonly<Record<SelectorKey, string | undefined>>;

/** `KEY = VALUE` and `KEY in [A, B]`: one of the values; `KEY != VALUE`: none of them. */
export interface Condition {
  readonly key: SelectorKey;
  readonly isOneOf: boolean;
  readonly values: readonly string[];
}

/** Devices for which all conditions hold: without conditions all of them. */
export interface Selector {
  readonly kind: 'selector';
  readonly conditions: readonly Condition[];
}

export const everyDevice: Selector = { kind: 'selector', conditions: [] };

/** Whether a device is selected. What is not known of it equals nothing. */
export function matches({ conditions }: Selector, facts: DeviceFacts): boolean {
  return conditions.every(({ key, isOneOf, values }) => {
    const fact = facts[key];
    return (fact !== undefined && values.includes(fact)) === isOneOf;
  });
}

/**
 * Words with single blanks between: names, ids, and classes as people call them. Words that join conditions are none: what was
 * meant as two would be one.
 */
const valuePattern =
  /^(?!(?:.* )?(?:and|or|in|not)(?: |$))[^\s=!<>()[\],'"\p{Cc}\p{Cs}]+( [^\s=!<>()[\],'"\p{Cc}\p{Cs}]+)*$/u;

/** A text that is longer is another kind of text. */
const mostLength = 16_384;

/** Reads conditions joined by ` and `; `all` selects everyone. Refuses with `scenario-invalid`. */
export function readSelector(text: string): Result<Selector> {
  if (text.trim() === 'all') return accept(everyDevice);
  if (text.length > mostLength) return invalid(`must have at most ${mostLength} characters`);
  const conditions: Condition[] = [];
  for (const part of text.split(' and ')) {
    const condition = readCondition(part.trim());
    if (!condition.ok) return condition;
    conditions.push(condition.value);
  }
  return accept({ kind: 'selector', conditions });
}

function readCondition(text: string): Result<Condition> {
  const match = /^([a-z]+)(?: *(!?=) *([^[\]]+)| +in *\[([^[\]]*)\])$/.exec(text);
  if (match === null) {
    return invalid(
      'must be a selector: conditions KEY = VALUE, KEY != VALUE or KEY in [A, B] with and between',
    );
  }
  const [, name, operator, single, several] = match;
  const key = selectorKeys.find((each) => each === name);
  if (key === undefined) {
    return invalid(`must be a selector by ${selectorKeys.join(', ')}`);
  }
  const values = (single === undefined ? (several ?? '').split(',') : [single]).map((each) =>
    each.trim(),
  );
  if (!values.every((value) => valuePattern.test(value))) {
    return invalid(`must have a name, or a list of names in [ ], for ${key}`);
  }
  const allowed = fixedValues[key];
  if (allowed !== undefined && !values.every((value) => allowed.includes(value))) {
    return invalid(`must have one of ${allowed.join(', ')} for ${key}`);
  }
  return accept({ key, isOneOf: operator !== '!=', values });
}

/** Of some keys all values are known. */
const fixedValues: Readonly<Partial<Record<SelectorKey, readonly string[]>>> = {
  phase: phases,
  labelled: ['true', 'false'],
};

function invalid(detail: string): Result<never> {
  return refuse('scenario-invalid', detail);
}
