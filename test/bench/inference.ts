import { readFileSync } from 'node:fs';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { measureLatencies } from '../../wasm/workbench/measure-latency.js';
import { writeInputs } from '../../wasm/workbench/packed-tensors.js';
import type { Bench } from './bench.js';
import { findPeer } from './peer.js';
import { floatSubjects, presentSubjects, type Subject } from './subjects.js';

/** Microseconds per inference, from input bytes in JavaScript to outputs in the memory of the core. */
export const inferenceBench: Bench = {
  name: 'inference',
  async run(report) {
    const core = await compileWasmCore();
    const peer = await findPeer();
    const subjects = presentSubjects('inference', floatSubjects).flatMap(waysToLoad);
    for (const [subject, file, keepConstantChannels] of subjects) {
      const model = new Uint8Array(readFileSync(file));
      const limits = { arenaBytes: 16 * 1_048_576, keepConstantChannels };
      const interpreter = Interpreter.create(core, model, limits);
      const input = generateInputs(interpreter.inputs, 1);
      const own = (): void => {
        writeInputs(interpreter, input);
        interpreter.invoke();
      };
      const run = await peer?.loadPeer(model);
      const other = (): void => run?.(input);
      const [ours, theirs] = await measureLatencies(run === undefined ? [own] : [own, other]);
      for (const metric of ['minUs', 'medianUs', 'p99Us'] as const) {
        report({
          subject,
          metric,
          value: ours?.[metric] ?? NaN,
          ...(peer && theirs && { peer: { name: peer.name, value: theirs[metric] } }),
        });
      }
    }
  },
};

/** Half of vww's channels are constant: with all of them it is seen what leaving them out saves. */
function waysToLoad([subject, file]: Subject): readonly (readonly [
  ...Subject,
  keepConstantChannels: boolean,
])[] {
  const usual = [subject, file, false] as const;
  return subject === 'vww' ? [usual, [`${subject}-all-channels`, file, true]] : [usual];
}
