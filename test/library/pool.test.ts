import assert from 'node:assert/strict';
import path from 'node:path';
import { CodedError, Model, startPool } from '../../library/node.js';
import { writeStreamingModel } from '../helpers/model-file.js';

const file = path.resolve('simulator/demo/models/vibration-v1.tflite');

describe('A pool of workers', () => {
  const isRefusal = (code: string) => (error: unknown) =>
    error instanceof CodedError && error.code === code;
  const windowOf = (length: number, seed: number): Int8Array =>
    Int8Array.from({ length }, (_, i) => Math.sin(i * seed) * 100);

  it('answers what one interpreter answers, in the order of the questions', async () => {
    const model = await Model.load(file);
    const interpreter = model.interpreter();
    const pool = await startPool(file, { workers: 3 });
    const length = model.inputs[0]?.byteLength ?? 0;
    assert.deepEqual([pool.inputs, pool.outputs], [model.inputs, model.outputs]);
    const seeds = Array.from({ length: 40 }, (_, i) => i + 1);
    const windows = seeds.map((seed) => windowOf(length, seed));
    const answers = await Promise.all(windows.map((window) => pool.run(window)));
    for (const [i, seed] of seeds.entries()) {
      interpreter.setInput(0, windowOf(length, seed));
      interpreter.invoke();
      assert.deepEqual(answers[i]?.[0], (interpreter.output(0) as Int8Array).slice());
    }
    await pool.close();
  });

  it('takes a buffer over, leaves a part of one where it is, and reads a shared one', async () => {
    const pool = await startPool(file, { workers: 1 });
    const length = pool.inputs[0]?.byteLength ?? 0;
    const whole = windowOf(length, 1);
    const part = new Int8Array(length + 8).subarray(8);
    part.set(whole);
    const shared = new Int8Array(new SharedArrayBuffer(length));
    shared.set(whole);
    const answers = await Promise.all([pool.run(whole), pool.run(part), pool.run(shared)]);
    assert.deepEqual([whole.length, part.length, shared.length], [0, length, length]);
    assert.deepEqual(answers[1], answers[0]);
    assert.deepEqual(answers[2], answers[0]);
    await pool.close();
  });

  it('refuses with codes', async () => {
    await assert.rejects(startPool(writeStreamingModel()), isRefusal('batch-unsupported'));
    await assert.rejects(startPool(new Uint8Array(100)), isRefusal('model-not-tflite'));
    await assert.rejects(startPool(file, { arenaBytes: 16 }), isRefusal('arena-too-small'));
    await assert.rejects(startPool(file, { workers: 0 }), RangeError);
    const pool = await startPool(file);
    await assert.rejects(pool.run(new Int8Array(3)), isRefusal('input-size-mismatch'));
    await assert.rejects(pool.run(), isRefusal('input-size-mismatch'));
    const length = pool.inputs[0]?.byteLength ?? 0;
    const cut = assert.rejects(pool.run(windowOf(length, 1)), isRefusal('engine-gone'));
    await pool.close();
    await cut;
    await assert.rejects(pool.run(windowOf(length, 1)), isRefusal('engine-gone'));
  });
});
