import path from 'node:path';
import { CodedError } from '../../protocol/coded-error.js';
import { boardNameOf } from '../../simulator/boards/board-name.js';
import { formatBoard } from '../../simulator/boards/board-text.js';
import { workOf, type Work } from '../../simulator/boards/cost-model.js';
import { parseLatencies, type LatenciesFile } from '../../simulator/boards/latencies-file.js';
import { fitRates, type RatesFit } from '../../simulator/boards/rates-fit.js';
import { shippedBoardText } from '../../simulator/boards/shipped-boards.js';
import { jsonOption, type Command, type Terminal } from '../command.js';
import { readNamedFile, writeNamedFile } from '../files.js';
import { reportModel } from '../interpreter.js';
import { formatTable, printable } from '../text-table.js';

/** What latencies do not tell is as on this board. */
const rest = 'nucleo-l4r5';

interface FittedBoard extends RatesFit {
  /** As the file of latencies has it. */
  readonly entry: string;
  readonly name: string;
  readonly file: string;
}

/** `tinylamp simulate fit`: boards from measured latencies. */
export const simulateFitCommand: Command = {
  words: 'simulate fit',
  summary: 'Make board files from measured latencies of models, and show how well they predict.',
  positionals: [{ name: 'latencies', describe: 'The JSON file; docs/boards.md shows its keys.' }],
  options: {
    output: {
      type: 'text',
      describe: 'The folder for the board files; those of the same names are replaced.',
      alias: 'o',
      required: true,
    },
    ...jsonOption,
  },
  examples: [['$0 simulate fit latencies.json -o boards', 'a file for each board']],
  async run(given, terminal) {
    const source = given.requiredText('latencies');
    const output = given.requiredText('output');
    const latencies = parseLatencies(readNamedFile(source));
    const works = await worksOf(latencies, path.dirname(source));
    const boards = Object.entries(latencies.boards).map(([entry, { latency_ms: measured }]) =>
      fitBoard(entry, measured, works, output),
    );
    checkNames(boards);
    const like = shippedBoardText(rest);
    for (const { entry, name, file, rates } of boards) {
      const text = formatBoard(name, rates, like, [
        `Fitted to the latencies of ${printable(entry)} by \`tinylamp simulate fit\`.`,
        `What latencies do not tell is as on ${rest}: correct it for your board.`,
      ]);
      writeNamedFile(file, new TextEncoder().encode(text));
    }
    for (const { entry, unfit } of boards) {
      if (unfit.length === 0) continue;
      const names = unfit.map((model) => printable(model)).join(' and ');
      terminal.notice(
        `${printable(entry)}: no rates above 0 meet ${names} as well, which is predicted instead`,
      );
    }
    if (given.flag('json')) terminal.printJson(jsonOf(boards));
    else print(boards, terminal);
    return 0;
  },
};

/** The work of each model. Throws a CodedError for a model that cannot be read or does not run. */
async function worksOf(
  { models }: LatenciesFile,
  folder: string,
): Promise<ReadonlyMap<string, Work>> {
  const works = new Map<string, Work>();
  for (const [model, file] of Object.entries(models)) {
    works.set(model, await workOfFile(model, path.resolve(folder, file)));
  }
  return works;
}

async function workOfFile(model: string, file: string): Promise<Work> {
  try {
    const { report, refusal } = await reportModel(file);
    if (refusal !== undefined) throw refusal;
    return workOf(report);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw new CodedError(error.code, `models.${printable(model)}: ${error.detail}`);
  }
}

/** Models count in the order of the file's `models`, the same for all boards. */
function fitBoard(
  entry: string,
  measured: Readonly<Record<string, number>>,
  works: ReadonlyMap<string, Work>,
  output: string,
): FittedBoard {
  const measurements = [...works].flatMap(([model, work]) => {
    const latencyMs = Object.hasOwn(measured, model) ? measured[model] : undefined;
    return latencyMs === undefined ? [] : [{ model, work, latencyMs }];
  });
  const fit = fitRates(measurements);
  if (fit === undefined) {
    throw new CodedError(
      'latencies-invalid',
      `boards.${printable(entry)} must have the latency of a model that is in models and multiplies`,
    );
  }
  const name = boardNameOf(entry);
  return { ...fit, entry, name, file: path.join(output, `${name}.yaml`) };
}

function checkNames(boards: readonly FittedBoard[]): void {
  const entries = new Map<string, string>();
  for (const { name, entry } of boards) {
    const other = entries.get(name);
    if (other !== undefined) {
      throw new CodedError(
        'latencies-invalid',
        `boards ${printable(other)} and ${printable(entry)} would both be named ${name}`,
      );
    }
    entries.set(name, entry);
  }
}

interface ModelErrors {
  readonly boards: number;
  readonly median: number;
  readonly worst: number;
}

/** How far off predictions were, of each model that was predicted: without their signs. */
function errorsOf(boards: readonly FittedBoard[]): ReadonlyMap<string, ModelErrors> {
  const errors = new Map<string, number[]>();
  for (const { model, error, fixes } of boards.flatMap(({ models }) => models)) {
    if (fixes !== 'nothing') continue;
    errors.set(model, [...(errors.get(model) ?? []), Math.abs(error)]);
  }
  return new Map(
    [...errors].map(([model, all]) => {
      const sorted = all.sort((a, b) => a - b);
      const half = sorted.length / 2;
      const median = ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2;
      return [model, { boards: sorted.length, median, worst: sorted.at(-1) ?? 0 }];
    }),
  );
}

function jsonOf(boards: readonly FittedBoard[]): unknown {
  return {
    boards: Object.fromEntries(
      boards.map(({ entry, name, file, rates, models }) => [
        entry,
        {
          board: name,
          file,
          convNs: rates.convNs,
          otherNs: rates.otherNs,
          fcNs: rates.fullyConnectedNs,
          models: Object.fromEntries(models.map(({ model, ...rest }) => [model, rest])),
        },
      ]),
    ),
    errors: Object.fromEntries(errorsOf(boards)),
  };
}

function print(boards: readonly FittedBoard[], terminal: Terminal): void {
  const section = (
    headings: readonly string[],
    rows: readonly (readonly (string | number)[])[],
  ) => {
    for (const line of formatTable(headings, rows)) terminal.print(line);
  };
  section(
    ['board', 'conv ns', 'other ns', 'fc ns'],
    boards.map(({ name, rates }) => [
      name,
      Number(rates.convNs.toPrecision(4)),
      Number(rates.otherNs.toPrecision(4)),
      Number(rates.fullyConnectedNs.toPrecision(4)),
    ]),
  );
  terminal.print('');
  section(
    ['board', 'model', 'measured ms', 'predicted ms', 'error', ''],
    boards.flatMap(({ name, models }) =>
      models.map(({ model, measuredMs, predictedMs, error, fixes }) => [
        name,
        printable(model),
        measuredMs,
        predictedMs,
        percent(error),
        fixes === 'nothing' ? '' : `fixes ${fixes}`,
      ]),
    ),
  );
  const errors = errorsOf(boards);
  if (errors.size > 0) {
    terminal.print('');
    section(
      ['predicted', 'boards', 'median error', 'worst error'],
      [...errors].map(([model, { boards: count, median, worst }]) => [
        printable(model),
        count,
        percent(median).replace('+', ''),
        percent(worst).replace('+', ''),
      ]),
    );
  }
  terminal.print('');
  for (const { file } of boards) terminal.print(file);
}

/** With its sign. */
function percent(share: number): string {
  const text = (100 * share).toFixed(1);
  return Number(text) === 0 ? '0.0 %' : `${share > 0 ? '+' : ''}${text} %`;
}
