import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import sinon from 'sinon';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { chooseBuild, coreFiles, usableBuilds, type CoreBuild } from '../../wasm/loader/builds.js';
import { EngineError, Interpreter, type TensorFacts } from '../../wasm/loader/interpreter.js';
import { compareOutputs } from '../../wasm/workbench/compare-outputs.js';
import {
  readConformanceFolder,
  type ConformanceCase,
} from '../../wasm/workbench/conformance-folder.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { byteLengthOf, readOutputs, writeInputs } from '../../wasm/workbench/packed-tensors.js';
import { runConformance } from '../../wasm/workbench/run-conformance.js';

/** Enough for each model of the set; loops that the greatest values would make long end soon. */
const mostWork = 2 ** 24;

const folders = ['test/conformance', path.join('test/conformance', 'operators')];
const builds = Object.keys(coreFiles) as readonly CoreBuild[];

describe('the builds of the core', () => {
  afterEach(() => {
    sinon.restore();
  });

  /** An engine that takes so many modules of the two that it is asked about, and whose dot product gives a number. */
  const engineThat = (takes: number, dot: number): void => {
    let asked = 0;
    sinon.stub(WebAssembly, 'validate').callsFake(() => asked++ < takes);
    sinon.stub(WebAssembly, 'Module');
    sinon.stub(WebAssembly, 'Instance').returns({ exports: { dot: () => dot } });
  };

  for (const [what, takes, dot, build] of [
    ['plain where the engine has no SIMD', 0, 129_540, 'plain'],
    ['simd128 where it has no relaxed SIMD', 1, 129_540, 'simd128'],
    ['simd128 where sums of the dot product are cut off', 2, 65_534, 'simd128'],
    ['relaxed where the dot product takes a second operand without a sign', 2, 129_540, 'relaxed'],
    ['relaxed where it takes one with a sign', 2, -508, 'relaxed'],
  ] as const) {
    it(`is chosen: ${what}`, () => {
      engineThat(takes, dot);
      assert.equal(chooseBuild(), build);
    });
  }

  it('can all be used that are slower than the one that is chosen', () => {
    const usable = usableBuilds();
    assert.equal(usable[0], chooseBuild());
    assert.deepEqual([...usable].reverse(), builds.slice(0, usable.length));
  });

  it('are small enough for gateways and pages', () => {
    const mostBytes = 450_000;
    for (const build of builds) {
      // Those with SIMD are to come down to the same 180,000.
      const mostCompressed = build === 'plain' ? 180_000 : 190_000;
      const bytes = bytesOf(build);
      const compressed = gzipSync(bytes, { level: 9 }).length;
      assert.ok(bytes.length <= mostBytes, `${build}: ${bytes.length} bytes`);
      assert.ok(compressed <= mostCompressed, `${build}: ${compressed} bytes compressed`);
    }
  });

  it('are taken by an engine that they were chosen for', () => {
    for (const build of usableBuilds()) assert.ok(WebAssembly.validate(bytesOf(build)), build);
  });

  for (const build of builds) {
    describe(build, () => {
      let core: WebAssembly.Module;

      before(async function () {
        if (!usableBuilds().includes(build)) {
          process.stderr.write(
            `    skipped: ${build} cannot be used by this engine and processor\n`,
          );
          this.skip();
        }
        core = await compileWasmCore(undefined, build);
      });

      it("gives upstream's bytes for the conformance set", async () => {
        for (const folder of folders) {
          for await (const { name, failure } of runConformance(
            core,
            readConformanceFolder(folder),
          )) {
            assert.equal(failure, undefined, name);
          }
        }
      });

      if (build === 'plain') return;

      it('gives the bytes of the plain build for random and extreme inputs', async () => {
        const plain = await compileWasmCore(undefined, 'plain');
        for (const given of folders.flatMap(readConformanceFolder)) {
          assert.equal(differenceOf(build, core, plain, given), undefined, given.name);
        }
      });
    });
  }
});

function bytesOf(build: CoreBuild): Uint8Array {
  return readFileSync(new URL(import.meta.resolve(`#core/${coreFiles[build]}`)));
}

/** Runs a model on both cores with the same inputs, one inference after the other; gives what differs first. */
function differenceOf(
  build: CoreBuild,
  core: WebAssembly.Module,
  plain: WebAssembly.Module,
  given: ConformanceCase,
): string | undefined {
  const file = readFileSync(given.model);
  const { offset, bytes } = given.modelRange ?? { offset: 0, bytes: file.length };
  const model = file.subarray(offset, offset + bytes);
  const [own, reference] = [core, plain].map((each) =>
    Interpreter.create(each, model, { arenaBytes: 2 ** 28, mostWork }),
  );
  assert.ok(own && reference);
  const { inputs, outputs } = reference;
  // Sums of floats may be fused or come in another order where SIMD is relaxed.
  const exact = { integers: 0, absolute: 0, relative: 0, ofGreatest: 0 };
  const tolerance = build === 'relaxed' ? { ...exact, relative: 1e-4, ofGreatest: 1e-4 } : exact;
  for (const input of inputsOf(inputs)) {
    const [actual, expected] = [own, reference].map((each) => outputsOf(each, input));
    if (!(actual instanceof Uint8Array && expected instanceof Uint8Array)) {
      if (actual !== expected) return `${String(actual)} instead of ${String(expected)}`;
      continue;
    }
    if (build !== 'relaxed' && Buffer.compare(actual, expected) === 0) continue;
    const difference = compareOutputs(outputs, actual, expected, tolerance);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** Inputs from three seeds, the least and the greatest values, and both by turns. */
function inputsOf(tensors: readonly TensorFacts[]): readonly Uint8Array[] {
  return [
    ...[1, 2, 3].map((seed) => generateInputs(tensors, seed)),
    extremeInputs(tensors, () => false),
    extremeInputs(tensors, () => true),
    extremeInputs(tensors, (at) => at % 2 === 0),
  ];
}

function extremeInputs(
  tensors: readonly TensorFacts[],
  isGreatest: (at: number) => boolean,
): Uint8Array {
  const bytes = new Uint8Array(byteLengthOf(tensors));
  let at = 0;
  for (const { type, byteLength } of tensors) {
    const [least, greatest] = extremesOf[type];
    for (let i = 0; i < byteLength / least.length; i++, at += least.length) {
      bytes.set(isGreatest(i) ? greatest : least, at);
    }
  }
  return bytes;
}

/** The bytes of the least and the greatest value; of floats, values beyond what quantised tensors hold. */
const extremesOf: Readonly<
  Record<TensorFacts['type'], readonly [least: Uint8Array, greatest: Uint8Array]>
> = {
  float32: [bytesOfFloat(-1000), bytesOfFloat(1000)],
  int8: signed(1),
  int16: signed(2),
  int32: signed(4),
  int64: signed(8),
  uint8: unsigned(1),
  uint16: unsigned(2),
  uint32: unsigned(4),
  uint64: unsigned(8),
  bool: [Uint8Array.of(0), Uint8Array.of(1)],
};

function bytesOfFloat(value: number): Uint8Array {
  return new Uint8Array(Float32Array.of(value).buffer);
}

function signed(bytes: number): readonly [Uint8Array, Uint8Array] {
  const [least, greatest] = unsigned(bytes);
  return [least.with(-1, 0x80), greatest.with(-1, 0x7f)];
}

function unsigned(bytes: number): readonly [Uint8Array, Uint8Array] {
  return [new Uint8Array(bytes), new Uint8Array(bytes).fill(255)];
}

/** The outputs of one inference, or the number of the error that it ends with. */
function outputsOf(interpreter: Interpreter, input: Uint8Array): Uint8Array | number {
  writeInputs(interpreter, input);
  try {
    interpreter.invoke();
  } catch (error) {
    if (error instanceof EngineError) return error.number;
    throw error;
  }
  const bytes = new Uint8Array(byteLengthOf(interpreter.outputs));
  readOutputs(interpreter, bytes);
  return bytes;
}
