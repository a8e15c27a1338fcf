import assert from 'node:assert/strict';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { chooseBuild } from '../../wasm/loader/builds.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { compareOutputs } from '../../wasm/workbench/compare-outputs.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { byteLengthOf, readOutputs, writeInputs } from '../../wasm/workbench/packed-tensors.js';
import { referenceModels } from '../helpers/reference-models.js';
import { requires } from '../helpers/requires.js';

const limits = { arenaBytes: 2 ** 28 };
/** Models that take longer in a test than they are worth. */
const largeMacs = 2e7;

describe('A model that is loaded compact', () => {
  it('gives the same, and nothing is packed for its layers', async function () {
    requires(this, 'shared');
    this.timeout(120_000);
    const core = await compileWasmCore();
    const packed = new Map<string, number>();
    // Fast kernels multiply and add floats in one instruction where SIMD is relaxed.
    const relative = chooseBuild() === 'relaxed' ? 1e-4 : 0;
    const tolerance = { integers: 0, absolute: 0, relative, ofGreatest: relative };
    for (const { name, model, interpreter } of referenceModels(core, limits)) {
      if (interpreter.macs > largeMacs) continue;
      const compact = Interpreter.create(core, model, { ...limits, compact: true });
      const { operators, packedBytes } = compact.report;
      packed.set(name, packedBytes);
      assert.equal(compact.arenaBytes, interpreter.arenaBytes, name);
      assert.ok(packedBytes <= interpreter.report.packedBytes, name);
      for (const [at, { name: operator, packedBytes: bytes }] of operators.entries()) {
        const [input, filter] = (operators[at]?.inputs ?? []).map((i) => compact.report.tensors[i]);
        const isLayer = /^(DEPTHWISE_)?CONV_2D$|^FULLY_CONNECTED$/.test(operator);
        if (isLayer && input?.type === filter?.type) assert.equal(bytes, 0, `${name}, ${at}`);
      }
      for (const seed of [1, 2]) {
        const [expected, found] = [interpreter, compact].map((each) => {
          writeInputs(each, generateInputs(each.inputs, seed));
          each.invoke();
          const bytes = new Uint8Array(byteLengthOf(each.outputs));
          readOutputs(each, bytes);
          return bytes;
        });
        assert.ok(found && expected);
        const difference = compareOutputs(interpreter.outputs, found, expected, tolerance);
        assert.equal(difference, undefined, name);
      }
    }
    assert.equal(packed.get('mlperf_ad_int8.tflite'), 0);
    assert.ok(packed.size > 50, `${packed.size} models`);
  });
});
