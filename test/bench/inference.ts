import { readFileSync } from 'node:fs';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { measureLatencies, wallUs, type Latency } from '../../wasm/workbench/measure-latency.js';
import { writeInputs } from '../../wasm/workbench/packed-tensors.js';
import type { Bench } from './bench.js';
import { findPeers } from './peer.js';
import {
  floatSubjects,
  foundSubjects,
  keepPresent,
  usualSubjects,
  type Subject,
} from './subjects.js';

/** The models of MLPerf Tiny and the demo's. */
export const inferenceBench = createInferenceBench('inference', [
  ...usualSubjects,
  ...floatSubjects,
]);

/**
 * Larger ones, which others made and packages ship. One inference is longer than the slice of time that a process gets where others run
 * too: only the time of the processor says what it takes.
 */
export const inferenceFoundBench = createInferenceBench(
  'inference-found',
  foundSubjects,
  processorUs,
);

/**
 * Microseconds per inference, from input bytes in JavaScript to outputs in the memory of the core; at last the geometric means over
 * the models that a peer runs too.
 */
function createInferenceBench(name: string, subjects: readonly Subject[], nowUs = wallUs): Bench {
  return {
    name,
    async run(report) {
      const core = await compileWasmCore();
      const peers = await findPeers();
      const compared: Compared[] = [];
      for (const [subject, file, keepConstantChannels] of keepPresent(name, subjects).flatMap(
        waysToLoad,
      )) {
        const model = new Uint8Array(readFileSync(file));
        const limits = { arenaBytes: 16 * 1_048_576, keepConstantChannels };
        const interpreter = Interpreter.create(core, model, limits);
        const input = generateInputs(interpreter.inputs, 1);
        const own = (): void => {
          writeInputs(interpreter, input);
          interpreter.invoke();
        };
        const others: { readonly peer: string; readonly run: () => void }[] = [];
        for (const peer of peers) {
          try {
            const run = await peer.loadPeer(model, file);
            others.push({ peer: peer.name, run: () => void run(input) });
          } catch (error) {
            process.stderr.write(
              `${name}: ${peer.name} does not run ${subject}: ${String(error)}\n`,
            );
          }
        }
        const [ours, ...theirs] = await measureLatencies([own, ...others.map(({ run }) => run)], {
          nowUs,
        });
        if (ours === undefined) throw new Error('nothing was measured');
        const found = others.flatMap(({ peer }, i) =>
          theirs[i] === undefined ? [] : [{ peer, ours, theirs: theirs[i] }],
        );
        for (const metric of ['minUs', 'medianUs', 'p99Us'] as const) {
          if (found.length === 0) report({ subject, metric, value: ours[metric] });
          for (const { peer, theirs } of found) {
            const value = theirs[metric];
            report({ subject, metric, value: ours[metric], peer: { name: peer, value } });
          }
        }
        if (!keepConstantChannels) compared.push(...found);
      }
      for (const peer of new Set(compared.map((each) => each.peer))) {
        const all = compared.filter((each) => each.peer === peer);
        for (const metric of ['minUs', 'medianUs'] as const) {
          const value = geometricMeanOf(all.map(({ theirs }) => theirs[metric]));
          report({
            subject: `mean of ${all.length}`,
            metric,
            value: geometricMeanOf(all.map(({ ours }) => ours[metric])),
            peer: { name: peer, value },
          });
        }
      }
    },
  };
}

/** A model that both ran. */
interface Compared {
  readonly peer: string;
  readonly ours: Latency;
  readonly theirs: Latency;
}

/** Microseconds that this process has had a processor. */
function processorUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** The mean of ratios is the ratio of the means. */
function geometricMeanOf(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Half of vww's channels are constant: with all of them it is seen what leaving them out saves. */
function waysToLoad([subject, file]: Subject): readonly (readonly [
  ...Subject,
  keepConstantChannels: boolean,
])[] {
  const usual = [subject, file, false] as const;
  return subject === 'vww' ? [usual, [`${subject}-all-channels`, file, true]] : [usual];
}
