import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { createWorkerEngine } from '../../agent/adapters/engine/worker-engine.js';
import { CodedError, expectOk } from '../../protocol/coded-error.js';
import type { TensorFacts } from '../../agent/ports/engine.js';
import { readValues } from '../../wasm/workbench/tensor-values.js';
import { byteLengthOf } from '../../wasm/workbench/packed-tensors.js';
import { jsonOption, type Command } from '../command.js';
import { readNamedFile, writeNamedFile } from '../files.js';
import { toolArenaBytes } from '../interpreter.js';
import { printable } from '../text-table.js';

/** An endless model ends with a code, not with a hanging terminal. */
const deadlineMs = 60_000;

/** Values of an output that are shown to people. */
const shownValues = 16;

/** `tinylamp run`: one inference. */
export const runCommand: Command = {
  words: 'run',
  summary: 'Run one inference of a model.',
  positionals: [{ name: 'model', describe: 'The .tflite file.' }],
  options: {
    input: {
      type: 'text',
      describe: 'File with all input tensors one after the other, raw, little-endian.',
      alias: 'i',
      required: true,
    },
    output: {
      type: 'text',
      describe: 'File for all output tensors, likewise; without it the values are shown.',
      alias: 'o',
    },
    ...jsonOption,
  },
  examples: [
    ['$0 run model.tflite --input window.bin', 'show the outputs for one input'],
    ['$0 run model.tflite --input window.bin --output scores.bin', 'write them to a file'],
  ],
  async run(given, terminal) {
    const model = readNamedFile(given.requiredText('model'));
    const input = readNamedFile(given.requiredText('input'));
    const engine = createWorkerEngine(await compileWasmCore());
    try {
      const handle = 1;
      const limits = { arenaBytes: toolArenaBytes, deadlineMs };
      const { inputs, outputs } = expectOk(await engine.load(handle, model, limits));
      if (input.length !== byteLengthOf(inputs)) {
        throw new CodedError(
          'input-size-mismatch',
          `${given.requiredText('input')} has ${input.length} bytes; the model takes ${inputs.map(describe).join(', then ')}`,
        );
      }
      const output = new Uint8Array(byteLengthOf(outputs));
      const { latencyUs } = expectOk(await engine.invoke(handle, input, output, deadlineMs));
      const file = given.text('output');
      if (file !== undefined) writeNamedFile(file, output);
      const values = readValues(outputs, output);
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
      return 0;
    } finally {
      await engine.close();
    }
  },
};

function describe({ name, type, shape, byteLength }: TensorFacts): string {
  return `${printable(name)} (${type}, ${shape.join(' x ') || 'scalar'}, ${byteLength} bytes)`;
}

function showValues(values: readonly (number | string)[]): string {
  const more = values.length > shownValues ? `, … ${values.length} in all` : '';
  return `${values.slice(0, shownValues).join(', ')}${more}`;
}
