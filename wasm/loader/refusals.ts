import type { ModelReport, RefusalReport, SignatureReport, TensorReport } from './model-report.js';

/** Numbers of `wasm/src/error.rs` that say more than that an operator is not sound. */
const operatorUnsupported = 13;
const typeUnsupported = 14;

const reasons: Readonly<Record<number, string>> = {
  7: 'a feature that the core does not have',
  9: 'a shape that does not fit',
  11: 'a quantisation that does not fit',
  12: 'tensors or variables that are used in the wrong order',
  15: 'tensors or attributes that contradict its definition',
};

/** So many groups of operators are told; a model with more has another problem. */
const mostTold = 8;

/**
 * All operators for which a model is refused, alike ones together: which they are, what they read and write, and what is wrong
 * with them or what they take instead.
 */
export function describeRefusals(report: ModelReport): string {
  const groups = new Map<string, { readonly text: string; readonly operators: string[] }>();
  for (const refusal of report.refused) {
    const { subgraph, operator } = refusal;
    const text = `${tensorsOf(report, refusal)}: ${reasonOf(refusal)}`;
    const key = `${nameOf(report, refusal)} ${text.replaceAll(/\[.*?\]/g, '')}`;
    const found = groups.get(key) ?? { text, operators: [] };
    found.operators.push(`${operator}${subgraph === 0 ? '' : ` of subgraph ${subgraph}`}`);
    groups.set(key, found);
  }
  const told = [...groups].slice(0, mostTold).map(([key, { text, operators }]) => {
    const name = key.split(' ')[0] ?? '';
    const [first = '', ...others] = operators;
    if (others.length === 0) return `operator ${first}, ${name} ${text}`;
    const listed = operators.slice(0, mostTold).join(', ');
    const rest = operators.length > mostTold ? ', …' : '';
    return `${operators.length} operators (${listed}${rest}), ${name} ${text}`;
  });
  const left = groups.size - told.length;
  return told.join('; ') + (left > 0 ? `; and ${left} more kinds` : '');
}

/** What is wrong with it, in a few words. */
export function reasonOf({ number, takes }: RefusalReport): string {
  if (number === operatorUnsupported) return 'the core does not have it';
  if (number === typeUnsupported && takes.length > 0) {
    return `it takes ${takes.map(signatureText).join(', or ')}`;
  }
  return reasons[number] ?? 'it cannot run';
}

/** The file names custom operators: nothing of it may reach a terminal as it is. */
function nameOf(report: ModelReport, { subgraph, operator }: RefusalReport): string {
  return subgraphOf(report, subgraph)?.operators[operator]?.name.replaceAll(/[^\w.-]/g, '?') ?? '';
}

function tensorsOf(report: ModelReport, { subgraph, operator }: RefusalReport): string {
  const found = subgraphOf(report, subgraph);
  const facts = found?.operators[operator];
  const text = (index: number): string => tensorText(found?.tensors[index]);
  return `(${facts?.inputs.map(text).join(', ') ?? ''} -> ${facts?.outputs.map(text).join(', ') ?? ''})`;
}

function tensorText(tensor: TensorReport | undefined): string {
  return tensor === undefined ? 'none' : `${tensor.type}[${tensor.shape.join('x')}]`;
}

function signatureText({ inputs, outputs }: SignatureReport): string {
  const list = (types: SignatureReport['inputs']): string =>
    types.map((each) => each.join('/')).join(', ');
  return `${list(inputs)} -> ${list(outputs)}`;
}

function subgraphOf(
  report: ModelReport,
  subgraph: number,
): ModelReport | ModelReport['called'][number] | undefined {
  return subgraph === 0 ? report : report.called[subgraph - 1];
}
