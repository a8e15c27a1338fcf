import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { EngineError, Interpreter } from '../../wasm/loader/interpreter.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { byteLengthOf, readOutputs, writeInputs } from '../../wasm/workbench/packed-tensors.js';
import { writeStreamingModel } from '../helpers/model-file.js';
import { referenceModels } from '../helpers/reference-models.js';
import { requires } from '../helpers/requires.js';

const demoModels = path.resolve('simulator/demo/models');
const limits = { arenaBytes: 2 ** 28 };
/** More than go together at a time, and an odd number; fewer of large models. */
const [many, few, largeMacs] = [19, 3, 2e7];
const batchUnsupported = 21;

describe('A batch', () => {
  let core: WebAssembly.Module;

  before(async () => {
    core = await compileWasmCore();
  });

  const outputsOf = (interpreter: Interpreter): Uint8Array => {
    const bytes = new Uint8Array(byteLengthOf(interpreter.outputs));
    readOutputs(interpreter, bytes);
    return bytes;
  };

  /** Compares a batch with an inference after the other; tells whether the model can run as one. */
  const compare = (file: string, single: Interpreter): boolean => {
    const samples = single.macs < largeMacs ? many : few;
    let batch;
    try {
      batch = single.batch(samples, limits);
    } catch (error) {
      assert.ok(error instanceof EngineError && error.number === batchUnsupported, String(error));
      return false;
    }
    for (const round of [0, 1]) {
      const inputs = batch.samples.map((_, i) =>
        generateInputs(single.inputs, round * samples + i + 1),
      );
      batch.samples.forEach((sample, i) => {
        writeInputs(sample, inputs[i] ?? new Uint8Array());
      });
      batch.invoke();
      batch.samples.forEach((sample, i) => {
        writeInputs(single, inputs[i] ?? new Uint8Array());
        single.invoke();
        assert.deepEqual(outputsOf(sample), outputsOf(single), `${file}, sample ${i}`);
      });
    }
    return true;
  };

  it('gives what one inference after the other gives', () => {
    for (const file of readdirSync(demoModels).filter((name) => name.endsWith('.tflite'))) {
      const model = new Uint8Array(readFileSync(path.join(demoModels, file)));
      assert.ok(compare(file, Interpreter.create(core, model, limits)), file);
    }
  });

  it('does so for every model of the reference data that has no state', function () {
    requires(this, 'shared');
    this.timeout(120_000);
    const run = [...referenceModels(core, limits)].filter(({ name, interpreter }) =>
      compare(name, interpreter),
    );
    assert.ok(run.length > 20, `${run.length} models`);
  });

  it('is refused where a model keeps state, which runs as before', () => {
    const interpreter = Interpreter.create(core, writeStreamingModel(), limits);
    assert.throws(
      () => interpreter.batch(2, limits),
      (error) => error instanceof EngineError && error.number === batchUnsupported,
    );
    assert.deepEqual([interpreter.invoke(), interpreter.invoke()], [false, true]);
  });

  it('takes no more for its arenas than it may all together', () => {
    const model = new Uint8Array(readFileSync(path.join(demoModels, 'vibration-v1.tflite')));
    const interpreter = Interpreter.create(core, model, limits);
    const needed = interpreter.arenaBytes + interpreter.report.variableBytes;
    assert.equal(interpreter.batch(5, { arenaBytes: 5 * needed }).samples.length, 5);
    assert.throws(
      () => interpreter.batch(5, { arenaBytes: 5 * needed - 1 }),
      (error) => error instanceof EngineError && error.number === 16,
    );
    for (const wrong of [0, -1, 1.5, Number.NaN])
      assert.throws(() => interpreter.batch(wrong, limits), RangeError);
  });

  it('leaves interpreters alone that were made before and after it', () => {
    const model = new Uint8Array(readFileSync(path.join(demoModels, 'vibration-v1.tflite')));
    const one = Interpreter.create(core, model, limits);
    const batch = one.batch(3, limits);
    const other = one.another(limits);
    for (const [i, interpreter] of [one, other].entries()) {
      writeInputs(interpreter, generateInputs(one.inputs, i + 1));
      interpreter.invoke();
    }
    const [first, second] = [outputsOf(one), outputsOf(other)];
    for (const sample of batch.samples) writeInputs(sample, generateInputs(one.inputs, 3));
    batch.invoke();
    assert.deepEqual([outputsOf(one), outputsOf(other)], [first, second]);
  });
});
