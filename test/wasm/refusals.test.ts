import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { codeOfEngineNumber } from '../../protocol/engine-codes.js';
import { EngineError, Interpreter } from '../../wasm/loader/interpreter.js';
import { i32, u8 } from '../helpers/flat-buffer.js';
import {
  operatorCodes,
  tensorTypes,
  writeModelFile,
  type ModelSpec,
} from '../helpers/model-file.js';

const window = [1, { 0: u8(1), 1: i32(1), 2: i32(1) }] as const;

/** Four operators in a row, of which three cannot run. */
const model: ModelSpec = {
  codes: [operatorCodes.conv2d, 32 + 100, 'Own\x1b[2J', operatorCodes.reshape],
  buffers: [new Uint8Array(), new Uint8Array(16)],
  tensors: [
    { shape: [1, 4, 4, 1], type: tensorTypes.int32, scales: [] },
    { shape: [1, 2, 2, 1], buffer: 1, type: tensorTypes.int32, scales: [] },
    { shape: [1, 3, 3, 1], type: tensorTypes.int32, scales: [] },
    { shape: [9], type: 8, scales: [] },
    { shape: [9] },
    { shape: [3, 3] },
  ],
  operators: [
    { code: 0, inputs: [0, 1], outputs: [2], options: window },
    { code: 1, inputs: [2], outputs: [3] },
    { code: 2, inputs: [3], outputs: [4] },
    { code: 3, inputs: [4], outputs: [5] },
  ],
  inputs: [0],
  outputs: [5],
};

describe('a model with operators that cannot run', () => {
  let refusal: EngineError;

  before(async () => {
    const core = await compileWasmCore();
    try {
      Interpreter.create(core, writeModelFile(model), { arenaBytes: 1_048_576 });
    } catch (error) {
      assert.ok(error instanceof EngineError);
      refusal = error;
    }
  });

  it('has the code of the first', () => {
    assert.equal(codeOfEngineNumber(refusal.number), 'type-unsupported');
  });

  it('is told all of them at once, by name, with types and shapes, and what they take', () => {
    const told = refusal.message.split('; ');
    assert.match(
      told[0] ?? '',
      /^operator 0, CONV_2D \(int32\[1x4x4x1\], int32\[1x2x2x1\] -> int32\[1x3x3x1\]\): it takes int8, int8\/int4, int32 -> int8, or /,
    );
    assert.equal(
      told[1],
      'operator 1, CONV_3D (int32[1x3x3x1] -> complex64[9]): the core does not have it',
    );
    assert.equal(
      told[2],
      'operator 2, Own??2J (complex64[9] -> int8[9]): the core does not have it',
    );
    assert.equal(told.length, 3);
  });

  it('is shown whole by inspect, with the operators marked', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-refusals-'));
    const file = path.join(folder, 'refused.tflite');
    writeFileSync(file, writeModelFile(model));
    const tool = fileURLToPath(new URL('../../../bin/tinylamp.js', import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, [tool, 'inspect', file], {
      encoding: 'utf8',
    });
    rmSync(folder, { recursive: true });
    assert.equal(status, 1);
    const rows = stdout.split('\n').filter((row) => /CONV_2D|CONV_3D|Own|RESHAPE/.test(row));
    assert.deepEqual(
      rows.map((row) => row.includes('it takes') || row.includes('does not have it')),
      [true, true, true, false],
    );
    assert.match(stdout, /complex64 {2}9/);
    assert.ok(!stdout.includes('\x1b') && !stderr.includes('\x1b'));
    assert.match(stderr, /type-unsupported: operator 0, CONV_2D/);
  });

  it('is refused for the type of an input that the core cannot hold', async () => {
    const core = await compileWasmCore();
    const file = writeModelFile({ ...model, inputs: [0, 3] });
    assert.throws(
      () => Interpreter.create(core, file, { arenaBytes: 1_048_576 }),
      (error) =>
        error instanceof EngineError &&
        codeOfEngineNumber(error.number) === 'type-unsupported' &&
        error.message === 'in tensor 3',
    );
  });
});
