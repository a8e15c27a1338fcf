import { readFileSync } from 'node:fs';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import type { Bench } from './bench.js';
import { floatSubjects, foundSubjects, presentSubjects } from './subjects.js';

/** What a model takes, and as the peer what it takes when it is compact. */
export const modelMemoryBench: Bench = {
  name: 'model-memory',
  async run(report) {
    const core = await compileWasmCore();
    for (const [subject, file] of presentSubjects('model-memory', [
      ...floatSubjects,
      ...foundSubjects,
    ])) {
      const model = new Uint8Array(readFileSync(file));
      report({ subject, metric: 'fileBytes', value: model.length });
      const usual = measure(core, model, false);
      const compact = measure(core, model, true);
      for (const metric of ['arenaBytes', 'packedBytes', 'memoryBytes'] as const) {
        report({
          subject,
          metric,
          value: usual[metric],
          peer: { name: 'compact', value: compact[metric] },
        });
      }
    }
  },
};

interface ModelMemory {
  /** Activations, scratch buffers and variables. */
  readonly arenaBytes: number;
  readonly packedBytes: number;
  /** All of the instance: the model, what is packed, the arena, and what the core itself needs. */
  readonly memoryBytes: number;
}

function measure(core: WebAssembly.Module, model: Uint8Array, compact: boolean): ModelMemory {
  const interpreter = Interpreter.create(core, model, { arenaBytes: 2 ** 28, compact });
  const { arenaBytes, variableBytes, packedBytes } = interpreter.report;
  const memoryBytes = interpreter.inputView(0).buffer.byteLength;
  return { arenaBytes: arenaBytes + variableBytes, packedBytes, memoryBytes };
}
