/** One entry of an index of the conformance set, as far as the page needs it. */
interface IndexEntry {
  /** Operators with the types that the model runs them in. */
  readonly covers?: readonly (readonly [operator: string, type: string])[];
  readonly oracle?: string;
  /** Of the entries without `covers`: all of their operators are of the type of the first input. */
  readonly ops?: Readonly<Record<string, number>>;
  readonly inputs?: readonly { readonly type: string }[];
}

/** Cases behind an operator in a type. */
interface Cases {
  upstream: number;
  other: number;
}

const types = [
  'float32',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'bool',
  'int4',
  'float16',
  'uint16',
  'uint32',
  'uint64',
  'resource',
] as const;

/** Where the type of an operator is not that of its first input (test/oracle/operator_set.py has the same list). */
const dataInputs: Readonly<Record<string, number>> = {
  ASSIGN_VARIABLE: 1,
  EMBEDDING_LOOKUP: 1,
  FILL: 1,
  IF: 1,
  ONE_HOT: 2,
  SELECT: 1,
  SELECT_V2: 1,
  SPLIT: 1,
  TRANSPOSE_CONV: 2,
};
const typedByOutput = ['READ_VARIABLE', 'TFLM_DECODE'];

/**
 * The page of operators and types: `docs/operators.md`.
 *
 * @param readme `wasm/README.md`, whose table comes from the registrations of the core
 * @param indices the texts of the `index.json` of the conformance folders
 */
export function renderOperatorsPage(readme: string, indices: readonly string[]): string {
  const executed = readExecuted(readme);
  const cases = countCases(indices);
  const lines = [
    '# Operators and types',
    '',
    'What the inference core executes, by the type of the data, and how many cases of the conformance set (`test/conformance`) stand behind it.',
    'This page is made from `wasm/README.md` and the conformance set by `npm run docs`; which types go together is in `wasm/README.md`.',
    '',
    '- A number: so many cases, whose outputs TensorFlow Lite Micro computed.',
    '- A number with `L`: TensorFlow Lite Micro refuses this operator, or these types together; LiteRT computed the outputs.',
    '- `yes`: executed, without a case of its own. Empty: refused.',
    '- `upstream`: whether TensorFlow Lite Micro has the operator, as far as the cases show it. int4 is the type of weights.',
    '- Whole models of uint8 run as models of int8 that are shifted by 128, also where the column of uint8 is empty.',
    '',
    `| operator | upstream | ${types.join(' | ')} |`,
    `|---|---|${'---|'.repeat(types.length)}`,
  ];
  for (const [operator, here] of executed) {
    const found = cases.get(operator);
    const upstream = [...(found?.values() ?? [])].some((each) => each.upstream > 0);
    const cells = types.map((type) => cell(here.has(type), found?.get(type)));
    lines.push(`| ${operator} | ${upstream ? 'yes' : 'no'} | ${cells.join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}

function cell(isExecuted: boolean, cases: Cases | undefined): string {
  if (cases === undefined) return isExecuted ? 'yes' : '';
  const { upstream, other } = cases;
  return [upstream > 0 ? [`${upstream}`] : [], other > 0 ? [`${other} L`] : []].flat().join(' + ');
}

function countCases(indices: readonly string[]): ReadonlyMap<string, Map<string, Cases>> {
  const counted = new Map<string, Map<string, Cases>>();
  for (const text of indices) {
    const { models } = JSON.parse(text) as { readonly models: readonly IndexEntry[] };
    for (const { covers, oracle = 'tflite-micro', ops = {}, inputs = [] } of models) {
      const type = inputs[0]?.type.toLowerCase() ?? '';
      for (const [operator, of] of covers ??
        Object.keys(ops).map((name) => [name, type] as const)) {
        const types = counted.get(operator) ?? new Map<string, Cases>();
        const cases = types.get(of) ?? { upstream: 0, other: 0 };
        if (oracle.startsWith('tflite-micro')) cases.upstream++;
        else cases.other++;
        counted.set(operator, types.set(of, cases));
      }
    }
  }
  return counted;
}

/** The operators of the table with the types of their data. */
function readExecuted(readme: string): ReadonlyMap<string, ReadonlySet<string>> {
  const executed = new Map<string, Set<string>>();
  const table = /\n\| operator \| types[^\n]*\n\| --- \| --- \|\n((?:\|[^\n]*\n)*)/.exec(readme);
  for (const [, operator = '', signatures = ''] of (table?.[1] ?? '').matchAll(
    /^\| (\S+) \| (.*?) ?\|$/gm,
  )) {
    const found = signatures.split('; ').flatMap((each) => typesOf(operator, each));
    // These two name a variable, or nothing.
    const isNamed = operator === 'VAR_HANDLE' || operator === 'CALL_ONCE';
    executed.set(operator, new Set(isNamed ? ['resource'] : found));
  }
  return executed;
}

function typesOf(operator: string, signature: string): readonly string[] {
  const [given = '', returned = ''] = signature.split('→');
  const inputs = given.split('×').map((each) => each.trim());
  if (typedByOutput.includes(operator)) return expand(returned.trim());
  const at = Math.min(dataInputs[operator] ?? 0, inputs.length - 1);
  const data = expand(inputs[at] ?? '');
  const hasWeights = operator.endsWith('CONV_2D') || operator === 'FULLY_CONNECTED';
  return hasWeights && inputs[1]?.includes('int4') ? [...data, 'int4'] : data;
}

/** What stands for a set of types. */
function expand(text: string): readonly string[] {
  if (!text.startsWith('all but')) return text.split(' or ');
  const without = text.slice('all but'.length).split(',');
  return types.filter((type) => !without.some((each) => each.trim() === type));
}
