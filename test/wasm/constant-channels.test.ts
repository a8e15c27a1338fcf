import assert from 'node:assert/strict';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { byteLengthOf, readOutputs, writeInputs } from '../../wasm/workbench/packed-tensors.js';
import { referenceModels } from '../helpers/reference-models.js';
import { requires } from '../helpers/requires.js';

const limits = { arenaBytes: 2 ** 28 };

describe('A model whose constant channels are kept', () => {
  it('gives the same, and computes all of them', async function () {
    requires(this, 'shared');
    this.timeout(60_000);
    const core = await compileWasmCore(undefined, 'simd128');
    const more = new Map<string, number>();
    for (const { name, model, interpreter } of referenceModels(core, limits)) {
      if (!/^mlperf_.*int8/.test(name)) continue;
      const kept = Interpreter.create(core, model, { ...limits, keepConstantChannels: true });
      const [all, some] = [kept, interpreter].map(({ report }) => packedBytesOf(report.operators));
      assert.ok(all && some);
      all.forEach((bytes, at) => {
        assert.ok(bytes >= (some[at] ?? 0), `${name}, operator ${at}`);
      });
      more.set(name, kept.report.packedBytes - interpreter.report.packedBytes);
      assert.equal(kept.macs, interpreter.macs);
      for (const seed of [1, 2, 3]) {
        const [expected, found] = [interpreter, kept].map((each) => {
          writeInputs(each, generateInputs(each.inputs, seed));
          each.invoke();
          const bytes = new Uint8Array(byteLengthOf(each.outputs));
          readOutputs(each, bytes);
          return bytes;
        });
        assert.deepEqual(found, expected, name);
      }
    }
    // Half of its channels: two thirds of the weights that are packed.
    assert.ok((more.get('mlperf_vww_int8.tflite') ?? 0) > 100_000, [...more].join(' '));
  });
});

function packedBytesOf(operators: readonly { readonly packedBytes: number }[]): readonly number[] {
  return operators.map(({ packedBytes }) => packedBytes);
}
