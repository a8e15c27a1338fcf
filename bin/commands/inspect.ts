import path from 'node:path';
import type {
  ModelReport,
  OperatorReport,
  PlacementReport,
  SubgraphReport,
  TensorReport,
} from '../../wasm/loader/model-report.js';
import { reasonOf } from '../../wasm/loader/refusals.js';
import { predict, type Prediction } from '../../simulator/boards/prediction.js';
import { shippedBoard, shippedBoardNames } from '../../simulator/boards/shipped-boards.js';
import { drawModel } from '../../wasm/workbench/model-picture.js';
import { writeNamedFile } from '../files.js';
import { jsonOption, type Command, type Terminal } from '../command.js';
import { reportModel } from '../interpreter.js';
import { formatNumber, formatTable, printable } from '../text-table.js';

/** `tinylamp inspect`: what a model is made of, and what it costs, before its first inference. */
export const inspectCommand: Command = {
  words: 'inspect',
  summary:
    'Show the operators, tensors, arena plan and cost of a model, on boards as well, and what keeps it from running.',
  positionals: [{ name: 'model', describe: 'The .tflite file.' }],
  options: {
    svg: { type: 'text', describe: 'Draw operators and arena plan into this file.' },
    ...jsonOption,
  },
  examples: [
    ['$0 inspect model.tflite', 'tables for people'],
    ['$0 inspect model.tflite --svg model.svg', 'and a picture'],
  ],
  async run(given, terminal) {
    const file = given.requiredText('model');
    const { report, modelBytes, refusal } = await reportModel(file);
    const picture = given.text('svg');
    if (picture !== undefined) {
      const drawn = drawModel(report, path.basename(file));
      writeNamedFile(picture, new TextEncoder().encode(drawn));
    }
    const boards = refusal === undefined ? predictions(report, modelBytes) : [];
    if (given.flag('json')) terminal.printJson({ ...report, boards: Object.fromEntries(boards) });
    else print(report, boards, file, terminal);
    if (refusal !== undefined) throw refusal;
    return 0;
  },
};

type Predictions = readonly (readonly [board: string, Prediction])[];

/** What the model needs on each board that comes with tinylamp. */
function predictions(report: ModelReport, modelBytes: number): Predictions {
  return shippedBoardNames().map((name) => [name, predict(shippedBoard(name), report, modelBytes)]);
}

function print(report: ModelReport, boards: Predictions, file: string, terminal: Terminal): void {
  const { macs, movedBytes, arenaBytes, variableBytes, packedBytes } = report;
  const section = (title: string, lines: readonly string[]): void => {
    terminal.print('');
    terminal.print(title);
    for (const line of lines) terminal.print(`  ${line}`);
  };
  terminal.print(file);
  const headings = ['macs', 'moved bytes', 'arena bytes', 'variable bytes', 'packed bytes'];
  const cost = [macs, movedBytes, arenaBytes, variableBytes, packedBytes];
  const isRefused = report.refused.length > 0;
  if (!isRefused) section('Cost of an inference', formatTable(headings, [cost]));
  if (boards.length > 0) {
    section(
      'Boards, by rates of int8 models',
      formatTable(
        ['board', 'latency ms', 'energy mJ', ''],
        boards.map(([board, { latencyMs, energyJ, exceeds }]) => [
          board,
          rounded(latencyMs),
          rounded(1_000 * energyJ),
          exceeds.map((what) => `${what} too large`).join(', '),
        ]),
      ),
    );
  }
  const mark = isRefused ? ['cannot run'] : [];
  for (const [number, subgraph] of [report, ...report.called].entries()) {
    const of = number === 0 ? '' : ` of subgraph ${number}`;
    section(
      `Operators${of}`,
      formatTable(
        ['operator', 'name', 'macs', 'moved bytes', 'packed bytes', 'reads', 'writes', ...mark],
        subgraph.operators.map((operator, index) => [
          ...operatorRow(operator, index),
          ...(isRefused ? [refusalOf(report, number, index)] : []),
        ]),
      ),
    );
    section(
      `Tensors${of}`,
      formatTable(
        ['tensor', 'role', 'type', 'shape', 'bytes', 'quantisation', 'name'],
        subgraph.tensors.map((tensor, i) => tensorRow(tensor, i, subgraph)),
      ),
    );
  }
  if (isRefused) return;
  section(
    'Arena plan',
    formatTable(
      ['offset', 'bytes', 'holds', 'from', 'to'],
      [...report.placements]
        .sort((a, b) => a.offset - b.offset)
        .map((placement) => placementRow(placement, report.called.length > 0)),
    ),
  );
}

/** A prediction has no more digits to trust. */
function rounded(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 3 });
}

/** Why an operator cannot run; nothing where it can. */
function refusalOf(report: ModelReport, subgraph: number, operator: number): string {
  const found = report.refused.find(
    (refusal) => refusal.subgraph === subgraph && refusal.operator === operator,
  );
  return found === undefined ? '' : reasonOf(found);
}

type Row = readonly (string | number)[];

function operatorRow(operator: OperatorReport, index: number): Row {
  const { name, macs, movedBytes, packedBytes, inputs, outputs } = operator;
  const reads = inputs.map((input) => (input < 0 ? '–' : input)).join(' ');
  return [index, printable(name), macs, movedBytes, packedBytes, reads, outputs.join(' ')];
}

function tensorRow(tensor: TensorReport, index: number, { inputs, outputs }: SubgraphReport): Row {
  const { type, shape, byteLength, name, location } = tensor;
  const border = inputs.includes(index) ? 'input' : outputs.includes(index) ? 'output' : undefined;
  const role = border ?? (location === 'arena' ? 'activation' : location);
  return [
    index,
    role,
    type,
    shape.join(' x '),
    byteLength,
    quantisationOf(tensor),
    printable(name),
  ];
}

function quantisationOf({ scales, zeroPoint, quantisedDimension }: TensorReport): string {
  const [scale] = scales;
  if (scale === undefined) return '';
  if (scales.length > 1) return `${scales.length} scales along dimension ${quantisedDimension}`;
  return `${Number(scale.toPrecision(6))} (q ${zeroPoint < 0 ? '+' : '-'} ${Math.abs(zeroPoint)})`;
}

function placementRow(placement: PlacementReport, hasCalls: boolean): Row {
  const { offset, byteLength, subgraph, tensor, first, last } = placement;
  const of = subgraph === 0 ? '' : ` of subgraph ${subgraph}`;
  const holds = `${tensor < 0 ? 'scratch' : `tensor ${tensor}`}${of}`;
  const [from, to] = [first, last].map((moment) => momentOf(moment, hasCalls));
  return [formatNumber(offset), byteLength, holds, from ?? '', to ?? ''];
}

/** Moment 0 is when the inputs are written, n + 1 is operator n, where none calls others in between. */
function momentOf(moment: number, hasCalls: boolean): string {
  if (moment === 0) return 'start';
  return hasCalls ? `moment ${moment}` : `operator ${moment - 1}`;
}
