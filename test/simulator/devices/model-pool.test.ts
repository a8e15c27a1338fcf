import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileWasmCore } from '../../../agent/adapters/engine/wasm-core.js';
import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import { expectOk } from '../../../protocol/coded-error.js';
import { ModelPool, type PooledModel } from '../../../simulator/devices/model-pool.js';
import { Prng } from '../../../simulator/prng.js';

const file = fileURLToPath(import.meta.resolve('#demo-models/vibration-v2.tflite'));
const limits = { arenaBytes: 1_048_576, mostWork: undefined, deadlineMs: 1_000 };

describe('the models of all devices', () => {
  const load = async (remembers: boolean): Promise<PooledModel> => {
    const pool = new ModelPool(await compileWasmCore(), createNodeCrypto(), remembers);
    return expectOk(pool.load(new Uint8Array(readFileSync(file)), limits));
  };

  it('give the same outputs whether they are remembered or computed', async () => {
    const [remembered, computed] = [await load(true), await load(false)];
    const inputs = Array.from({ length: 4 }, (_, i) => inputOf(remembered, i));
    // The second time all is known, and between two inputs nothing stays.
    for (const input of [...inputs, ...inputs.reverse()])
      assert.deepEqual(outputOf(remembered, input), outputOf(computed, input));
  });

  it('name another class, remembered or computed, where a device errs', async () => {
    const [remembered, computed] = [await load(true), await load(false)];
    const input = inputOf(remembered, 1);
    // What was computed last is that of another input.
    outputOf(remembered, input);
    outputOf(remembered, inputOf(remembered, 2));
    const right = outputOf(remembered, input);
    const [wrong, other] = [right.slice(), outputOf(computed, input)];
    remembered.confuse(wrong);
    computed.confuse(other);
    assert.deepEqual(wrong, other);
    assert.deepEqual([...wrong], [...right.slice(-1), ...right.slice(0, -1)]);
  });
});

function inputOf({ facts }: PooledModel, seed: number): Uint8Array {
  const prng = Prng.fromSeed(seed);
  const bytes = facts.inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return Uint8Array.from({ length: bytes }, () => prng.below(256));
}

function outputOf(model: PooledModel, input: Uint8Array): Uint8Array {
  const bytes = model.facts.outputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const output = new Uint8Array(bytes);
  assert.equal(model.run(input, output), true);
  return output;
}
