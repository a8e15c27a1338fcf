import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { CodedError, Model } from '../../library/node.js';
import { coreFiles } from '../../wasm/loader/builds.js';
import { writeStreamingModel } from '../helpers/model-file.js';

const modelFile = path.resolve('simulator/demo/models/vibration-v2.tflite');

describe('The library', () => {
  let model: Model;
  before(async () => {
    model = await Model.load(modelFile);
  });

  const ramp = (length: number): number[] =>
    Array.from({ length }, (_, i) => Math.sin(i / 3) * 0.5);
  const sizeOf = (facts: { readonly shape: readonly number[] }): number =>
    facts.shape.reduce((product, size) => product * size, 1);
  const inputOf = ({ inputs: [input] }: Model): number[] => ramp(input ? sizeOf(input) : 0);

  it('is what the package gives under its own name', async () => {
    const name = 'tinylamp';
    const own = (await import(name)) as { Model: typeof Model };
    assert.equal(own.Model, Model);
    const browser = (await import(`${name}/browser`)) as { Model: typeof Model };
    assert.equal(typeof browser.Model.load, 'function');
    for (const file of Object.values(coreFiles)) {
      const core = new URL(import.meta.resolve(`tinylamp/wasm/${file}`));
      assert.ok(readFileSync(core).length > 0);
    }
  });

  it('says what a model takes and gives, and what it costs', () => {
    const { inputs, outputs } = model;
    assert.deepEqual([inputs.length, outputs.length], [1, 1]);
    assert.equal(inputs[0]?.type, 'int8');
    const { arenaBytes, macs, operators } = model.inspect();
    assert.ok(arenaBytes > 0 && macs > 0 && operators.length > 0);
  });

  it('runs a model on real values, and on elements as they are stored', () => {
    const [scores] = model.run(inputOf(model));
    assert.ok(scores instanceof Float32Array);
    const sum = scores.reduce((total, score) => total + score, 0);
    assert.ok(Math.abs(sum - 1) < 0.05, String(sum));
    const interpreter = model.interpreter();
    interpreter.setInput(0, inputOf(model));
    const stored = Int8Array.from(interpreter.input(0) as Int8Array);
    assert.deepEqual(model.run(stored), [scores]);
  });

  it('gives each interpreter activations of its own', () => {
    const [a, b] = [model.interpreter(), model.interpreter()];
    a.setInput(0, inputOf(model));
    b.setInput(
      0,
      inputOf(model).map((value) => -value),
    );
    a.invoke();
    const before = Array.from(a.output(0), Number);
    b.invoke();
    assert.deepEqual(Array.from(a.output(0), Number), before);
    a.reset();
    assert.ok(a.input(0).every((value: number | bigint) => Number(value) === 0));
  });

  it('has many interpreters that share its weights, each with activations of its own', () => {
    const one = model.interpreter({ sharesWeights: true });
    one.setInput(0, inputOf(model));
    one.invoke();
    const scores = Array.from(one.output(0), Number);
    const others = Array.from({ length: 20 }, () => model.interpreter({ sharesWeights: true }));
    for (const other of others) {
      other.setInput(
        0,
        inputOf(model).map(() => 0),
      );
      other.invoke();
    }
    assert.deepEqual(Array.from(one.output(0), Number), scores);
    assert.notDeepEqual(Array.from(others[0]?.output(0) ?? [], Number), scores);
  });

  it('runs many samples as a batch', async () => {
    const batch = model.batch(3);
    const inputs = [0, 1, 2].map((i) => inputOf(model).map((value) => value * i));
    batch.samples.forEach((sample, i) => {
      sample.setInput(0, inputs[i] ?? []);
    });
    batch.invoke();
    const scores = batch.samples.map((sample) => sample.values(0));
    assert.deepEqual(
      scores,
      inputs.map((values) => model.run(values)[0]),
    );
    const streaming = await Model.load(writeStreamingModel());
    assert.throws(
      () => streaming.batch(2),
      (error) => error instanceof CodedError && error.code === 'batch-unsupported',
    );
  });

  it('gives no values where a model waits for more inputs', async () => {
    const streaming = await Model.load(writeStreamingModel());
    assert.deepEqual(streaming.run([1, 2]), []);
    assert.deepEqual(streaming.run([3, -4]), [Float32Array.of(0, 0, 0, 0, 1, 2, 3, 4)]);
    const interpreter = streaming.interpreter();
    assert.deepEqual([interpreter.invoke(), interpreter.invoke()], [false, true]);
  });

  it('refuses with codes, and says what to do', async () => {
    const refused = async (act: () => unknown, code: string): Promise<void> => {
      await assert.rejects(
        () => Promise.resolve().then(act),
        (error: unknown) =>
          error instanceof CodedError && error.code === code && error.remedy !== '',
      );
    };
    await refused(() => model.run([1, 2, 3]), 'input-size-mismatch');
    await refused(() => model.run(), 'input-size-mismatch');
    await refused(() => Model.load(new Uint8Array(100)), 'model-not-tflite');
    await refused(() => Model.load(modelFile, { arenaBytes: 16 }), 'arena-too-small');
  });

  it('keeps its own copy of the bytes that it was given', async () => {
    const bytes = new Uint8Array(readFileSync(modelFile));
    const copied = await Model.load(bytes);
    bytes.fill(0);
    assert.equal(copied.interpreter().inputs.length, 1);
  });
});

describe('The page about the library', () => {
  it('has an example that runs as it stands', () => {
    const page = readFileSync('docs/library.md', 'utf8');
    const [, example = ''] = /```js\n(.*?)```/s.exec(page) ?? [];
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module'], {
      input: example,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, 'int8 4\n');
  });
});
