import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { expectOk } from '../../protocol/coded-error.js';
import type { Result } from '../../protocol/result.js';
import type { Engine } from '../../agent/ports/engine.js';
import { assembleHostileCore } from '../helpers/hostile-core.js';
import { writeStreamingModel } from '../helpers/model-file.js';

/** A model of our own with what upstream's kernels give for it (`test/conformance`). */
interface Golden {
  readonly model: Uint8Array;
  readonly inputs: Uint8Array;
  readonly outputs: Uint8Array;
}

export const load = { arenaBytes: 1_048_576, deadlineMs: 10_000 };
export const deadlineMs = 10_000;

/** What every engine port promises (`agent/ports/engine.ts`). */
export function describeEngine(
  name: string,
  createEngine: (core: WebAssembly.Module) => Engine,
): void {
  describe(`The engine port: ${name}`, () => {
    const golden = readGolden();
    let core: WebAssembly.Module;
    let engine: Engine;
    before(async () => {
      core = await compileWasmCore();
    });
    beforeEach(() => {
      engine = createEngine(core);
    });
    afterEach(() => engine.close());

    const output = (): Uint8Array => new Uint8Array(golden.outputs.length);

    it('tells what a model takes, gives and needs', async () => {
      const facts = await engine.load(1, golden.model, load);
      assert.ok(facts.ok);
      const { inputs, outputs, arenaBytes, macs } = facts.value;
      assert.deepEqual(
        inputs.map(({ type, byteLength }) => [type, byteLength]),
        [['int8', golden.inputs.length]],
      );
      assert.deepEqual(
        outputs.map(({ type, byteLength }) => [type, byteLength]),
        [['int8', golden.outputs.length]],
      );
      assert.ok(arenaBytes > 0 && macs > 0 && (inputs[0]?.scale ?? 0) > 0);
    });

    it('gives the outputs of the reference, and leaves the inputs as they are', async () => {
      await engine.load(1, golden.model, load);
      const inputs = golden.inputs.slice();
      const outputs = output();
      const invoked = await engine.invoke(1, inputs, outputs, deadlineMs);
      assert.ok(invoked.ok && invoked.value.latencyUs > 0);
      assert.deepEqual(outputs, golden.outputs);
      assert.deepEqual(inputs, golden.inputs);
    });

    it('tells where a model has no new output, and the outputs hold what they held', async () => {
      expectOk(await engine.load(1, writeStreamingModel(), load));
      const outputs = new Uint8Array(8);
      const found: (readonly [hasOutput: boolean, newest: number | undefined])[] = [];
      for (const value of [1, 2, 3, 4]) {
        const input = new Uint8Array(2).fill(value);
        const { hasOutput } = expectOk(await engine.invoke(1, input, outputs, deadlineMs));
        found.push([hasOutput, outputs.at(-1)]);
      }
      assert.deepEqual(found, [
        [false, 0],
        [true, 2],
        [false, 2],
        [true, 4],
      ]);
    });

    it('keeps instances of one model apart', async () => {
      await Promise.all([engine.load(1, golden.model, load), engine.load(2, golden.model, load)]);
      await engine.unload(1);
      const outputs = output();
      assert.ok((await engine.invoke(2, golden.inputs, outputs, deadlineMs)).ok);
      assert.deepEqual(outputs, golden.outputs);
      assert.equal(
        codeOf(await engine.invoke(1, golden.inputs, output(), deadlineMs)),
        'engine-gone',
      );
    });

    it('puts a model back to its start, and it answers as before', async () => {
      await engine.load(1, golden.model, load);
      await engine.invoke(1, golden.inputs, output(), deadlineMs);
      assert.ok((await engine.reset(1)).ok);
      const outputs = output();
      await engine.invoke(1, golden.inputs, outputs, deadlineMs);
      assert.deepEqual(outputs, golden.outputs);
    });

    it('refuses with a code what is no model, and holds nothing afterwards', async () => {
      for (const bytes of [new Uint8Array(), new Uint8Array(100), golden.model.slice(0, 3000)]) {
        assert.match(
          codeOf(await engine.load(1, bytes, load)) ?? '',
          /^(model|shape|buffer|index|graph)-/,
        );
        assert.equal(codeOf(await engine.reset(1)), 'engine-gone');
        await engine.unload(1);
      }
    });

    it('refuses a model that needs a larger arena than it may have', async () => {
      const refused = await engine.load(1, golden.model, { ...load, arenaBytes: 16 });
      assert.equal(codeOf(refused), 'arena-too-small');
    });

    it('refuses inputs and outputs of another size, and goes on', async () => {
      await engine.load(1, golden.model, load);
      const { inputs } = golden;
      for (const [given, taken] of [
        [inputs.slice(1), output()],
        [inputs, new Uint8Array()],
      ] as const) {
        assert.equal(
          codeOf(await engine.invoke(1, given, taken, deadlineMs)),
          'input-size-mismatch',
        );
      }
      assert.ok((await engine.invoke(1, inputs, output(), deadlineMs)).ok);
    });

    it('knows nothing of handles that were never loaded', async () => {
      assert.equal(
        codeOf(await engine.invoke(7, golden.inputs, output(), deadlineMs)),
        'engine-gone',
      );
      assert.equal(codeOf(await engine.reset(7)), 'engine-gone');
      await engine.unload(7);
    });

    it('ends all instances when it is closed', async () => {
      await engine.load(1, golden.model, load);
      await engine.close();
      assert.equal(
        codeOf(await engine.invoke(1, golden.inputs, output(), deadlineMs)),
        'engine-gone',
      );
    });

    it('gives a trap a code, throws the instance away, and leaves its neighbour alone', async () => {
      const trapping = createEngine(assembleHostileCore(core, golden.model, 'traps'));
      try {
        await trapping.load(1, golden.model, load);
        await trapping.load(2, golden.model, load);
        const trapped = await trapping.invoke(1, golden.inputs, output(), deadlineMs);
        assert.equal(codeOf(trapped), 'engine-trapped');
        await trapping.unload(1);
        assert.equal(
          codeOf(await trapping.invoke(1, golden.inputs, output(), deadlineMs)),
          'engine-gone',
        );
        assert.ok((await trapping.reset(2)).ok);
      } finally {
        await trapping.close();
      }
    });

    it('refuses a model that takes memory in an inference', async () => {
      const leaking = createEngine(assembleHostileCore(core, golden.model, 'leaks', 1));
      try {
        await leaking.load(1, golden.model, load);
        assert.ok((await leaking.invoke(1, golden.inputs, output(), deadlineMs)).ok);
        assert.equal(
          codeOf(await leaking.invoke(1, golden.inputs, output(), deadlineMs)),
          'engine-internal',
        );
      } finally {
        await leaking.close();
      }
    });
  });
}

/** Reads the golden vector of the demo's first model. */
export function readGolden(): Golden {
  const folder = 'test/conformance';
  const index = JSON.parse(readFileSync(`${folder}/index.json`, 'utf8')) as {
    models: readonly {
      readonly name: string;
      readonly model: string;
      readonly bin: string;
      readonly vectors: readonly {
        readonly input_offset: number | null;
        readonly input_bytes: number;
        readonly output_offset: number;
        readonly output_bytes: number;
      }[];
    }[];
  };
  const entry = index.models.find((each) => each.name === 'vibration_v1');
  const vector = entry?.vectors.find((each) => each.input_offset !== null);
  assert.ok(entry && vector && vector.input_offset !== null);
  const bin = readFileSync(`${folder}/${entry.bin}`);
  const slice = (offset: number, length: number): Uint8Array =>
    new Uint8Array(bin.subarray(offset, offset + length));
  return {
    model: new Uint8Array(readFileSync(`${folder}/${entry.model}`)),
    inputs: slice(vector.input_offset, vector.input_bytes),
    outputs: slice(vector.output_offset, vector.output_bytes),
  };
}

export function codeOf(result: Result<unknown>): string | undefined {
  return result.ok ? undefined : result.rejection.code;
}
