import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import {
  ConformanceFolderError,
  readConformanceFolder,
  type ConformanceCase,
} from '../../wasm/workbench/conformance-folder.js';
import { runConformance } from '../../wasm/workbench/run-conformance.js';
import type { CaseOutcome } from '../../wasm/workbench/run-case.js';
import { i32, u8 } from '../helpers/flat-buffer.js';
import { operatorCodes, writeModelFile } from '../helpers/model-file.js';
import { requires, sharedFolder } from '../helpers/requires.js';

const ownFolder = 'test/conformance';
const operatorsFolder = path.join(ownFolder, 'operators');

/**
 * Types of operators without a case: neither oracle makes a model of them that it answers, or nothing but constants has
 * them. DENSIFY and Convolution2DTransposeBias have tests of their own.
 */
const withoutCase: Readonly<Record<string, string>> = {
  ASSIGN_VARIABLE: 'int4 float16',
  BROADCAST_TO: 'float16',
  Convolution2DTransposeBias: 'float32',
  DENSIFY: 'float32 int8 int16 int32 int64 uint8 bool int4 float16 uint16 uint32 uint64',
  DEQUANTIZE: 'int4',
  GATHER: 'float16 uint16 uint32 uint64',
  IF: 'int4 float16 resource',
  PAD: 'int64 uint8 bool float16 uint16 uint32 uint64',
  PADV2: 'float16 uint16 uint32 uint64',
  READ_VARIABLE: 'int4 float16',
  RESHAPE: 'int4 float16',
  SHAPE: 'int4 float16',
  SQUEEZE: 'int4 float16',
  WHILE: 'int4 float16 resource',
};

/** The models of TensorFlow Lite Micro's examples and of MLPerf Tiny. */
const goldenNames = [
  'hello_world_int8',
  'person_detect',
  'micro_speech_quantized',
  'mlperf_kws_int8',
  'mlperf_vww_int8',
  'mlperf_resnet_int8',
  'mlperf_ad_int8',
];

describe('conformance with TensorFlow Lite Micro', () => {
  for (const each of readConformanceFolder(ownFolder)) {
    it(`gives upstream's bytes in no more arena: ${each.name}`, async () => {
      assertConforms(await runOne(each));
    });
  }

  it('gives the recorded bytes in no more arena, for every operator in each of its types', async () => {
    const cases = readConformanceFolder(operatorsFolder);
    assert.ok(cases.length > 500);
    for await (const outcome of await run(cases)) {
      const { name, failure, arenaBytes, upstreamArenaBytes } = outcome;
      assert.equal(failure, undefined, name);
      // LiteRT, which computed what upstream does not have, has another arena.
      if (upstreamArenaBytes !== undefined) assertArena(name, arenaBytes, upstreamArenaBytes);
    }
  });

  it('has a case for every operator in each of its types, but for those that are known', () => {
    const [head = [], , ...rows] = readFileSync('docs/operators.md', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| ') || line.startsWith('|--'))
      .map((line) => line.split('|').map((cell) => cell.trim()));
    // A cell with a number has cases; the third is about upstream.
    const found = rows.map(([, operator = '', , ...cells]) => {
      const types = cells.flatMap((text, i) => (text === 'yes' ? [head[i + 3] ?? ''] : []));
      return [operator, types.join(' ')];
    });
    const without = Object.fromEntries(found.filter(([, types]) => types !== '')) as unknown;
    assert.deepEqual(without, withoutCase);
  });

  describe('on the golden models', () => {
    before(function () {
      requires(this, 'shared');
    });

    for (const name of goldenNames) {
      it(`gives upstream's bytes in no more arena: ${name}`, async () => {
        assertConforms(await runOne(findGolden(name)));
      });
    }

    it('takes no more arena than upstream for any model that it accepts', async () => {
      const cases = readConformanceFolder(path.join(sharedFolder, 'data', 'single_op'));
      for await (const { name, failure, arenaBytes, upstreamArenaBytes } of await run(cases)) {
        // What is not supported yet is refused; anything else that goes wrong is a bug.
        if (failure !== undefined)
          assert.equal(failure.kind, 'refused', `${name}: ${failure.detail}`);
        else assertArena(name, arenaBytes, upstreamArenaBytes);
      }
    });

    it('survives the models that upstream refuses', async () => {
      const cases = readConformanceFolder(path.join(sharedFolder, 'data', 'golden'));
      const refused = cases.filter(({ expects }) => expects === 'survival');
      assert.ok(refused.length > 0);
      for await (const { name, failure } of await run(refused)) {
        assert.equal(failure, undefined, name);
      }
    });
  });
});

describe('the conformance runner', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-conformance-'));
    cpSync(ownFolder, folder, { recursive: true });
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const find = (name: string): ConformanceCase => {
    const found = readConformanceFolder(folder).find((each) => each.name === name);
    assert.ok(found);
    return found;
  };

  it('finds one wrong bit in the outputs', async () => {
    const softmax = find('softmax__steep');
    const [vector] = softmax.vectors;
    assert.ok(vector && softmax.bytes !== undefined);
    const bytes = readFileSync(softmax.bytes);
    bytes[vector.outputOffset] = (bytes[vector.outputOffset] ?? 0) ^ 1;
    writeFileSync(softmax.bytes, bytes);
    assert.equal((await runOne(softmax)).failure?.kind, 'unusable');
    const vectors = softmax.vectors.map((each) => ({ ...each, outputSha256: undefined }));
    assert.equal((await runOne({ ...softmax, vectors })).failure?.kind, 'differs');
  });

  it('finds an inference that should have no new output, and has one', async () => {
    const softmax = find('softmax__steep');
    const hasOutput = softmax.vectors.map(({ invokes }) => new Array<boolean>(invokes).fill(false));
    const waits = softmax.vectors.map((each, i) => ({ ...each, hasOutput: hasOutput[i] }));
    const { failure } = await runOne({ ...softmax, vectors: waits });
    assert.equal(failure?.kind, 'differs');
    assert.match(failure.detail, /has a new output/);
  });

  it('ends a case that takes too long, and goes on with the next', async () => {
    const sound = find('vibration_v1');
    const slow = { ...sound, model: path.join(folder, 'slow.tflite'), vectors: [] };
    writeFileSync(slow.model, slowModel());
    const cases: readonly ConformanceCase[] = [{ ...slow, expects: 'survival' }, sound];
    const outcomes: (string | undefined)[] = [];
    // The others are too fast.
    const plain = await compileWasmCore(undefined, 'plain');
    for await (const { failure } of runConformance(plain, cases, 2, 500)) {
      outcomes.push(failure?.kind);
    }
    assert.deepEqual(outcomes, ['late', undefined]);
  });

  it('lets a model without expected outputs pass when it is refused or runs', async () => {
    const sound = find('add__same_shape');
    assert.equal((await runOne({ ...sound, expects: 'survival', vectors: [] })).failure, undefined);
    writeFileSync(sound.model, 'no model');
    assert.equal((await runOne({ ...sound, expects: 'survival', vectors: [] })).failure, undefined);
    assert.equal((await runOne(sound)).failure?.kind, 'refused');
  });

  it('takes what an entry tolerates, and nothing beyond it', async () => {
    const softmax = find('softmax__steep');
    const [vector] = softmax.vectors;
    assert.ok(vector && softmax.bytes !== undefined);
    const bytes = readFileSync(softmax.bytes);
    bytes[vector.outputOffset] = (bytes[vector.outputOffset] ?? 0) + 2;
    writeFileSync(softmax.bytes, bytes);
    const vectors = softmax.vectors.map((each) => ({ ...each, outputSha256: undefined }));
    for (const [integers, kind] of [
      [1, 'differs'],
      [2, undefined],
    ] as const) {
      const tolerance = { ...softmax.tolerance, integers };
      assert.equal((await runOne({ ...softmax, vectors, tolerance })).failure?.kind, kind);
    }
  });

  it('fails a case whose files are not there', async () => {
    const outcome = await runOne({ ...find('add__same_shape'), model: path.join(folder, 'gone') });
    assert.equal(outcome.failure?.kind, 'unusable');
  });

  it('refuses an index that is none, and names the entry', () => {
    const index = path.join(folder, 'index.json');
    for (const [text, named] of [
      ['{', 'index.json'],
      ['[]', undefined],
      ['{"models": 7}', 'models'],
      ['{"models": [{}]}', 'models[0]'],
      ['{"models": [{"name": "x", "vectors": [{"seed": -1}]}]}', 'x: vectors[0]: seed'],
      ['{"models": [{"name": "x", "tolerance": {"integers": 0}}]}', 'tolerance: absolute'],
    ] as const) {
      writeFileSync(index, text);
      if (named === undefined) assert.deepEqual(readConformanceFolder(folder), []);
      else {
        assert.throws(
          () => readConformanceFolder(folder),
          (error) => error instanceof ConformanceFolderError && error.message.includes(named),
        );
      }
    }
  });
});

/** A convolution of 1.8 thousand million multiply-accumulates: nearly all that is accepted. */
function slowModel(): Uint8Array {
  const image = { shape: [1, 192, 256, 64] };
  return writeModelFile({
    codes: [operatorCodes.conv2d],
    buffers: [new Uint8Array(), new Uint8Array(64 * 9 * 64)],
    tensors: [image, { shape: [64, 3, 3, 64], buffer: 1 }, image],
    operators: [
      { code: 0, inputs: [0, 1], outputs: [2], options: [1, { 0: u8(0), 1: i32(1), 2: i32(1) }] },
    ],
    inputs: [0],
    outputs: [2],
  });
}

function assertConforms(outcome: CaseOutcome): void {
  assert.equal(outcome.failure, undefined);
  assert.ok(outcome.vectors > 0);
  assertArena(outcome.name, outcome.arenaBytes, outcome.upstreamArenaBytes);
}

function assertArena(name: string, own: number | undefined, upstream: number | undefined): void {
  assert.ok(
    own !== undefined && upstream !== undefined && own <= upstream,
    `${name}: ${own}, upstream ${upstream}`,
  );
}

function findGolden(name: string): ConformanceCase {
  const cases = readConformanceFolder(path.join(sharedFolder, 'data', 'golden'));
  const found = cases.find((each) => each.name === name);
  assert.ok(found, name);
  return found;
}

async function run(cases: readonly ConformanceCase[]): Promise<AsyncGenerator<CaseOutcome>> {
  return runConformance(await compileWasmCore(), cases);
}

async function runOne(given: ConformanceCase): Promise<CaseOutcome> {
  for await (const outcome of await run([given])) return outcome;
  throw new Error('no outcome');
}
