import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { coreFiles } from '../../wasm/loader/builds.js';
import { instantiateCore } from '../../wasm/loader/core-exports.js';
import { EngineError, Interpreter } from '../../wasm/loader/interpreter.js';
import { u8 } from '../helpers/flat-buffer.js';
import { operatorCodes, writeModelFile } from '../helpers/model-file.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { readOutputs, writeInputs } from '../../wasm/workbench/packed-tensors.js';

const model = new Uint8Array(readFileSync('simulator/demo/models/vibration-v1.tflite'));
const limits = { arenaBytes: 65_536 };

describe('Interpreter', () => {
  let core: WebAssembly.Module;

  before(async () => {
    core = await compileWasmCore();
  });

  const infer = (interpreter: Interpreter, seed: number): Uint8Array => {
    writeInputs(interpreter, generateInputs(interpreter.inputs, seed));
    interpreter.invoke();
    const outputs = new Uint8Array(4);
    readOutputs(interpreter, outputs);
    return outputs;
  };

  it('tells what the model takes, gives and costs', () => {
    const { inputs, outputs, arenaBytes, macs, report } = Interpreter.create(core, model, limits);
    assert.deepEqual(
      inputs.map(({ type, shape, byteLength, zeroPoint }) => ({
        type,
        shape,
        byteLength,
        zeroPoint,
      })),
      [{ type: 'int8', shape: [1, 256, 1, 3], byteLength: 768, zeroPoint: -1 }],
    );
    assert.deepEqual(
      outputs.map(({ shape, scale, zeroPoint }) => ({ shape, scale, zeroPoint })),
      [{ shape: [1, 4], scale: 1 / 256, zeroPoint: -128 }],
    );
    assert.equal(arenaBytes, 1280);
    assert.equal(macs, 65_120);
    assert.equal(
      report.operators.reduce((sum, operator) => sum + operator.macs, 0),
      macs,
    );
  });

  it('gives the outputs of an inference where its steps are repeated one after the other', () => {
    const whole = infer(Interpreter.create(core, model, limits), 1);
    const interpreter = Interpreter.create(core, model, limits);
    writeInputs(interpreter, generateInputs(interpreter.inputs, 1));
    const operators: number[] = [];
    for (let step = 0; ; step++) {
      const operator = interpreter.repeatStep(step, 3);
      if (operator === undefined) break;
      operators.push(operator);
    }
    assert.deepEqual(operators, [...interpreter.report.operators.keys()]);
    const outputs = new Uint8Array(4);
    readOutputs(interpreter, outputs);
    assert.deepEqual(outputs, whole);
  });

  it('plans an arena in which tensors that live together do not overlap', () => {
    const { report } = Interpreter.create(core, model, limits);
    for (const [i, a] of report.placements.entries()) {
      assert.ok(a.offset + a.byteLength <= report.arenaBytes);
      for (const b of report.placements.slice(i + 1)) {
        const together = a.first <= b.last && b.first <= a.last;
        const apart = a.offset + a.byteLength <= b.offset || b.offset + b.byteLength <= a.offset;
        assert.ok(!together || apart, `tensors ${a.tensor} and ${b.tensor}`);
      }
    }
  });

  it('lives beside hundreds of others in one process, each with inputs of its own', () => {
    const interpreters = Array.from({ length: 300 }, () => Interpreter.create(core, model, limits));
    const expected = interpreters.map((_, seed) =>
      infer(Interpreter.create(core, model, limits), seed),
    );
    interpreters.forEach((interpreter, seed) => {
      writeInputs(interpreter, generateInputs(interpreter.inputs, seed));
    });
    interpreters.forEach((interpreter, seed) => {
      interpreter.invoke();
      assert.deepEqual(interpreter.outputView(0).slice(), expected[seed]);
    });
  });

  it('gives the same in worker threads that share the compiled module', async () => {
    const expected = infer(Interpreter.create(core, model, limits), 5);
    const workers = Array.from({ length: 4 }, () => inferInWorker(core, 5));
    for (const outputs of await Promise.all(workers)) assert.deepEqual(outputs, expected);
  });

  it('gives the same again after a reset, and allocates nothing in between', () => {
    const interpreter = Interpreter.create(core, model, limits);
    const first = infer(interpreter, 1);
    const memory = interpreter.inputView(0).buffer;
    for (let seed = 2; seed < 500; seed++) infer(interpreter, seed);
    // Memory that grows gets a new buffer, and detaches the old one.
    assert.equal(interpreter.inputView(0).buffer, memory);
    interpreter.reset();
    assert.deepEqual(infer(interpreter, 1), first);
  });

  it('makes the views of its tensors once, and anew where its memory has grown', () => {
    const interpreter = Interpreter.create(core, model, limits);
    const views = (): Uint8Array[] => [interpreter.inputView(0), interpreter.outputView(0)];
    const made = views();
    infer(interpreter, 1);
    views().forEach((view, i) => {
      assert.equal(view, made[i]);
    });
    const outputs = interpreter.outputView(0).slice();
    while (interpreter.outputView(0) === made[1]) interpreter.another(limits);
    assert.deepEqual(interpreter.outputView(0), outputs);
    assert.equal(made[1]?.length, 0);
    assert.notEqual(interpreter.inputView(0), made[0]);
  });

  it('refuses everything after a trap, while others live on', () => {
    const others = [
      Interpreter.create(core, model, limits),
      Interpreter.create(core, model, limits),
    ];
    const expected = infer(Interpreter.create(core, model, limits), 3);
    const interpreter = Interpreter.create(core, model, limits);
    breakMemory(interpreter);
    assert.throws(
      () => {
        interpreter.invoke();
      },
      (error) => error instanceof Error && error.name === 'RuntimeError',
    );
    for (const use of [
      () => {
        interpreter.invoke();
      },
      () => {
        interpreter.reset();
      },
      () => interpreter.inputView(0),
      () => interpreter.outputView(0),
    ]) {
      assert.throws(use, (error) => error instanceof EngineError && error.number === 18);
    }
    for (const other of others) assert.deepEqual(infer(other, 3), expected);
  });

  it('refuses a tensor that the model does not have', () => {
    const interpreter = Interpreter.create(core, model, limits);
    assert.throws(
      () => interpreter.inputView(1),
      (error) => error instanceof EngineError && error.number === 18,
    );
  });
});

describe('the border of the core', () => {
  let core: WebAssembly.Module;

  before(async () => {
    core = await compileWasmCore();
  });

  it('answers calls in the wrong order with a number', () => {
    const instance = instantiateCore(core);
    assert.equal(instance.create(1024), 18);
    assert.equal(instance.invoke(0), 18);
    assert.equal(instance.reset(7), 18);
    assert.equal(instance.tensor_address(0, 0), 0);
    assert.equal(instance.report_bytes(), 0);
    assert.equal(instance.load(2 ** 31, 0), 1);
  });

  it('takes no more memory for one more interpreter than its arena and what describes it', () => {
    const weights = 1 << 20;
    const model = writeModelFile({
      codes: [operatorCodes.fullyConnected],
      buffers: [new Uint8Array(), new Uint8Array(weights)],
      tensors: [{ shape: [1, weights] }, { shape: [1, weights], buffer: 1 }, { shape: [1, 1] }],
      operators: [{ code: 0, inputs: [0, 1], outputs: [2], options: [8, { 0: u8(0) }] }],
      inputs: [0],
      outputs: [2],
    });
    const arena = { arenaBytes: 1 << 21 };
    const one = Interpreter.create(core, model, arena);
    const before = one.inputView(0).buffer.byteLength;
    const others = Array.from({ length: 4 }, () => one.another(arena));
    const taken = one.inputView(0).buffer.byteLength - before;
    assert.ok(taken < 4 * (one.arenaBytes + 131_072), `${taken} bytes for four`);
    others[3]?.inputView(0).fill(1);
    assert.equal(one.inputView(0)[0], 0);
  });

  it('gives no room for a model of more than 64 MiB', () => {
    const instance = instantiateCore(core);
    assert.equal(instance.reserve((64 << 20) + 1), 0);
    assert.equal(instance.reserve(0xffffffff), 0);
    assert.notEqual(instance.reserve(1000), 0);
  });

  it('cannot take the heap of its thread: nothing in it makes a table grow', () => {
    // Where a heap grows too fast V8 ends the process and not the thread, whatever the limits of the worker are.
    const tableGrow = Buffer.of(0xfc, 0x0f);
    for (const file of Object.values(coreFiles)) {
      const bytes = readFileSync(new URL(import.meta.resolve(`#core/${file}`)));
      assert.equal(bytes.indexOf(tableGrow), -1, file);
    }
  });
});

/** Overwrites what the instance keeps about itself, as a broken kernel would. */
function breakMemory(interpreter: Interpreter): void {
  const { buffer } = interpreter.inputView(0);
  new Uint8Array(buffer).fill(1);
}

async function inferInWorker(core: WebAssembly.Module, seed: number): Promise<Uint8Array> {
  const worker = new Worker(new URL('./inference-worker.js', import.meta.url), {
    workerData: { core, model, seed },
  });
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  } finally {
    await worker.terminate();
  }
}
