import { isBuild, usualCore } from '../../agent/adapters/engine/wasm-core.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { measureLatencies } from '../../wasm/workbench/measure-latency.js';
import { writeInputs } from '../../wasm/workbench/packed-tensors.js';
import { measureLimits, type MultiplyLimits } from '../../wasm/workbench/multiply-limit.js';
import { profileSteps, type StepProfile } from '../../wasm/workbench/profile-steps.js';
import { jsonOption, type Command, type Terminal } from '../command.js';
import { coded, openModel } from '../interpreter.js';
import { formatNumber, formatTable, printable } from '../text-table.js';

/** `tinylamp bench`: how long an inference takes on this machine. */
export const benchCommand: Command = {
  words: 'bench',
  summary: 'Measure how long an inference of a model takes here.',
  positionals: [{ name: 'model', describe: 'The .tflite file.' }],
  options: {
    profile: {
      type: 'flag',
      describe:
        'Measure each operator by itself too, and what of the limit of this processor it reaches. Its inputs lie in the cache then, so that the sum is mostly less than the whole.',
    },
    compact: {
      type: 'flag',
      describe: 'Pack no weights, as an agent does with `engine.compact`.',
    },
    'keep-constant-channels': {
      type: 'flag',
      describe: 'Compute channels too that are the same for every input, as most runtimes do.',
    },
    ...jsonOption,
  },
  examples: [
    ['$0 bench model.tflite', 'least, median and 99th percentile, in microseconds'],
    ['$0 bench model.tflite --profile', 'time and share of each operator too'],
    [
      '$0 bench model.tflite --json',
      'the same for machines: minUs, medianUs, p99Us, macs, packedBytes, core',
    ],
  ],
  async run(given, terminal) {
    const file = given.requiredText('model');
    const interpreter = await openModel(file, {
      compact: given.flag('compact'),
      keepConstantChannels: given.flag('keep-constant-channels'),
    });
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
    const profile = given.flag('profile')
      ? await profileSteps(interpreter, input).catch((error: unknown) =>
          coded(() => {
            throw error;
          }),
        )
      : undefined;
    const core = usualCore();
    // What a file of one's own uses is not known.
    const limits = profile && isBuild(core) ? measureLimits(core) : undefined;
    const { macs, report } = interpreter;
    const { packedBytes } = report;
    if (given.flag('json')) {
      const operators = profile && { operators: profile, limits };
      terminal.printJson({ ...latency, macs, packedBytes, core, ...operators });
      return 0;
    }
    const { minUs, medianUs, p99Us } = latency;
    for (const line of formatTable(['minUs', 'medianUs', 'p99Us'], [[minUs, medianUs, p99Us]])) {
      terminal.print(line);
    }
    const rate = formatNumber(macs / medianUs);
    terminal.print(
      `${formatNumber(macs)} multiply-accumulates, ${rate} in a microsecond; ${formatNumber(packedBytes)} bytes packed; core ${core}`,
    );
    if (profile !== undefined) printProfile(profile, limits, terminal);
    return 0;
  },
};

function printProfile(
  profile: readonly StepProfile[],
  limits: MultiplyLimits | undefined,
  terminal: Terminal,
): void {
  const rows = profile.map(({ operator, name, us, share, macs, type }) => {
    // A thousand in a microsecond are a giga in a second.
    const rate = macs / us / 1000;
    const limit = type === 'int8' || type === 'float32' ? limits?.[type] : undefined;
    const ofLimit = macs === 0 || limit === undefined ? '' : percent(rate / limit);
    return [
      ...[operator, printable(name), us, percent(share)],
      ...[macs === 0 ? '' : rate.toFixed(2).padStart(6), ofLimit],
    ];
  });
  terminal.print('');
  for (const line of formatTable(['operator', '', 'us', '  share', 'GMAC/s', 'of limit'], rows)) {
    terminal.print(line);
  }
  if (limits === undefined) return;
  const [int8, float32] = [limits.int8, limits.float32].map(formatNumber);
  terminal.print(
    `The limit is what one core of this processor multiplies with operands in its first cache: ${int8} GMAC/s of int8, ${float32} of float32.`,
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`.padStart(7);
}
