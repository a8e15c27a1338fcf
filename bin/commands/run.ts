import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { createWorkerEngine } from '../../agent/adapters/engine/worker-engine.js';
import { CodedError, expectOk } from '../../protocol/coded-error.js';
import { isReleaseFile } from '../../protocol/documents/release-file.js';
import type { TensorFacts } from '../../agent/ports/engine.js';
import { readValues } from '../../wasm/workbench/tensor-values.js';
import { byteLengthOf } from '../../wasm/workbench/packed-tensors.js';
import { jsonOption, type Arguments, type Command, type Terminal } from '../command.js';
import { readNamedFile, writeNamedFile } from '../files.js';
import { toolLimits } from '../interpreter.js';
import { runRelease, type RunOfRelease } from '../run-release.js';
import { printable } from '../text-table.js';

/** An endless model ends with a code, not with a hanging terminal. */
const deadlineMs = 60_000;

/** Streaming models have an output for each so many inputs only. */
const waits = 'the model waits for more inputs';

/** Values of an output that are shown to people. */
const shownValues = 16;

/** `tinylamp run`: one inference of a model, or all windows of an input through a release. */
export const runCommand: Command = {
  words: 'run',
  summary: 'Run a model on raw tensors, or a release on sound, a picture or a table.',
  positionals: [{ name: 'model', describe: 'The .tflite file, or a release.' }],
  options: {
    input: {
      type: 'text',
      describe:
        'Of a model: all input tensors one after the other, raw, little-endian. Of a release: a WAV, PNG, JPEG, BMP or .csv file.',
      alias: 'i',
      required: true,
    },
    output: {
      type: 'text',
      describe: 'File for all output tensors of a model, likewise; else the values are shown.',
      alias: 'o',
    },
    dequantise: {
      type: 'flag',
      describe: 'Show the real values of quantised outputs of a model, not the stored ones.',
    },
    ...jsonOption,
  },
  examples: [
    ['$0 run v1.tinylamp --input clip.wav', 'the labels and scores of each window'],
    ['$0 run model.tflite --input window.bin', 'show the outputs for one input'],
    ['$0 run model.tflite --input window.bin --output scores.bin', 'write them to a file'],
  ],
  async run(given, terminal) {
    const bytes = readNamedFile(given.requiredText('model'));
    if (!isReleaseFile(bytes)) {
      await runModel(bytes, given, terminal);
      return 0;
    }
    if (given.text('output') !== undefined || given.flag('dequantise')) {
      throw new CodedError('usage-invalid', '--output and --dequantise are for models');
    }
    const run = await runRelease(bytes, given.requiredText('input'), deadlineMs);
    if (given.flag('json')) terminal.printJson(runJson(run));
    else printRun(run, terminal);
    return 0;
  },
};

async function runModel(model: Uint8Array, given: Arguments, terminal: Terminal): Promise<void> {
  const input = readNamedFile(given.requiredText('input'));
  const engine = createWorkerEngine(await compileWasmCore());
  try {
    const handle = 1;
    const limits = { ...toolLimits, deadlineMs };
    const { inputs, outputs } = expectOk(await engine.load(handle, model, limits));
    if (input.length !== byteLengthOf(inputs)) {
      throw new CodedError(
        'input-size-mismatch',
        `${given.requiredText('input')} has ${input.length} bytes; the model takes ${inputs.map(describe).join(', then ')}`,
      );
    }
    const output = new Uint8Array(byteLengthOf(outputs));
    const { latencyUs, hasOutput } = expectOk(
      await engine.invoke(handle, input, output, deadlineMs),
    );
    if (!hasOutput) {
      if (given.flag('json')) terminal.printJson({ outputs: [], latencyUs });
      else terminal.print(`no output: ${waits}`);
      return;
    }
    const file = given.text('output');
    if (file !== undefined) writeNamedFile(file, output);
    const stored = readValues(outputs, output);
    const values = given.flag('dequantise')
      ? outputs.map((tensor, i) => realValues(tensor, stored[i] ?? []))
      : stored;
    if (given.flag('json')) {
      const shown = outputs.map(({ name, type, shape }, i) => ({
        name,
        type,
        shape,
        values: values[i],
      }));
      terminal.printJson({ outputs: shown, latencyUs });
    } else if (file !== undefined) {
      terminal.print(`${file}: ${outputs.map(describe).join(', then ')}`);
    } else {
      for (const [i, tensor] of outputs.entries()) {
        terminal.print(`${describe(tensor)}: ${showValues(values[i] ?? [])}`);
      }
    }
  } finally {
    await engine.close();
  }
}

/** Real values of a quantised tensor; others stay as they are. */
function realValues(
  { scale, zeroPoint }: TensorFacts,
  values: readonly (number | string)[],
): readonly (number | string)[] {
  if (scale === 0) return values;
  return values.map((value) =>
    typeof value === 'number' ? Math.fround((value - zeroPoint) * scale) : value,
  );
}

function runJson({ manifest, names, answers, framesLeft }: RunOfRelease): object {
  return {
    release: manifest.name,
    sequence: manifest.sequence,
    windows: answers.map((answer) => {
      if (answer === undefined) return { waits: true };
      const { label, score, scores, latencyUs } = answer;
      return {
        ...(label !== undefined && { label }),
        ...(score !== undefined && { score }),
        scores: scores.map((each, i) => ({ label: names[i], score: each })),
        latencyUs,
      };
    }),
    framesLeft,
  };
}

/** One window with all its scores, the highest first; of several windows a line each. */
function printRun({ names, answers, framesLeft }: RunOfRelease, terminal: Terminal): void {
  const [first, ...more] = answers;
  if (first !== undefined && more.length === 0) {
    const ranked = first.scores.map((score, i) => [names[i] ?? '', score] as const);
    ranked.sort(([, a], [, b]) => b - a);
    const width = Math.max(...ranked.map(([name]) => printable(name).length));
    for (const [name, score] of ranked.slice(0, shownValues)) {
      terminal.print(`${printable(name).padEnd(width)}  ${showScore(score)}`);
    }
    if (ranked.length > shownValues) terminal.print(`… ${ranked.length} in all`);
    if (first.score !== undefined && first.label === undefined) {
      terminal.print('no label: below the threshold of the release');
    }
  } else {
    for (const [i, answer] of answers.entries()) {
      if (answer === undefined) {
        terminal.print(`window ${i + 1}: no answer, ${waits}`);
        continue;
      }
      const { label, score, scores } = answer;
      const said =
        score === undefined ? scores.slice(0, shownValues).map(showScore).join(', ') : '';
      const named = score === undefined ? said : `${printable(label ?? '-')}  ${showScore(score)}`;
      terminal.print(`window ${i + 1}: ${named}`);
    }
  }
  if (framesLeft > 0) terminal.notice(`the last ${framesLeft} frames make no whole window`);
}

function showScore(score: number): string {
  return String(Number(score.toPrecision(6)));
}

function describe({ name, type, shape, byteLength }: TensorFacts): string {
  return `${printable(name)} (${type}, ${shape.join(' x ') || 'scalar'}, ${byteLength} bytes)`;
}

function showValues(values: readonly (number | string)[]): string {
  const more = values.length > shownValues ? `, … ${values.length} in all` : '';
  return `${values.slice(0, shownValues).join(', ')}${more}`;
}
