import { usualCore } from '../../agent/adapters/engine/wasm-core.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { measureLatencies } from '../../wasm/workbench/measure-latency.js';
import { writeInputs } from '../../wasm/workbench/packed-tensors.js';
import { jsonOption, type Command } from '../command.js';
import { coded, openModel } from '../interpreter.js';
import { formatNumber, formatTable } from '../text-table.js';

/** `tinylamp bench`: how long an inference takes on this machine. */
export const benchCommand: Command = {
  words: 'bench',
  summary: 'Measure how long an inference of a model takes here.',
  positionals: [{ name: 'model', describe: 'The .tflite file.' }],
  options: jsonOption,
  examples: [
    ['$0 bench model.tflite', 'least, median and 99th percentile, in microseconds'],
    ['$0 bench model.tflite --json', 'the same for machines: minUs, medianUs, p99Us, macs, core'],
  ],
  async run(given, terminal) {
    const file = given.requiredText('model');
    const interpreter = await openModel(file);
    const input = generateInputs(interpreter.inputs, 1);
    const invoke = (): void => {
      // An inference may overwrite its inputs.
      writeInputs(interpreter, input);
      interpreter.invoke();
    };
    coded(invoke);
    terminal.progress('warming up, then measuring for a few seconds');
    const [latency] = await measureLatencies([invoke]);
    if (latency === undefined) throw new Error('nothing was measured');
    const { macs } = interpreter;
    if (given.flag('json')) {
      terminal.printJson({ ...latency, macs, core: usualCore() });
      return 0;
    }
    const { minUs, medianUs, p99Us } = latency;
    for (const line of formatTable(['minUs', 'medianUs', 'p99Us'], [[minUs, medianUs, p99Us]])) {
      terminal.print(line);
    }
    const rate = formatNumber(macs / medianUs);
    terminal.print(
      `${formatNumber(macs)} multiply-accumulates, ${rate} in a microsecond; core ${usualCore()}`,
    );
    return 0;
  },
};
