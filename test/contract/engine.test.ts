import assert from 'node:assert/strict';
import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { createWorkerEngine } from '../../agent/adapters/engine/worker-engine.js';
import type { Engine } from '../../agent/ports/engine.js';
import { createFaultyEngine } from '../../simulator/ports/faulty-engine.js';
import { ManualTime } from '../../simulator/ports/manual-time.js';
import { assembleHostileCore } from '../helpers/hostile-core.js';
import { codeOf, deadlineMs, describeEngine, load, readGolden } from './engine.contract.js';

describeEngine('in the process of its caller', createInProcessEngine);
describeEngine('in workers', createWorkerEngine);
describeEngine('in workers, where others share one', (core) =>
  createWorkerEngine(core, { workers: 'shared' }),
);
describeEngine('in a shared worker', createSharedEngine);
describeEngine('with faults, and none asked for', (core) =>
  createFaultyEngine(
    createInProcessEngine(core),
    new ManualTime(0).createScheduler(),
    () => 'none',
  ),
);

/** All models are trusted. */
function createSharedEngine(core: WebAssembly.Module): Engine {
  const engine = createWorkerEngine(core, { workers: 'shared' });
  return {
    ...engine,
    load: (handle, model, limits) => engine.load(handle, model, { ...limits, mayShare: true }),
  };
}

describe('The engine in workers, and a model that kills its thread', () => {
  const golden = readGolden();

  it('says that it is gone, and its neighbour answers', async () => {
    const core = await compileWasmCore();
    const killing = createWorkerEngine(assembleHostileCore(core, golden.model, 'kills'));
    const engine = createWorkerEngine(core);
    try {
      await killing.load(1, golden.model, load);
      await engine.load(1, golden.model, load);
      const outputs = new Uint8Array(golden.outputs.length);
      const dying = killing.invoke(1, golden.inputs, outputs.slice(), deadlineMs);
      assert.ok((await engine.invoke(1, golden.inputs, outputs, deadlineMs)).ok);
      assert.equal(codeOf(await dying), 'engine-gone');
      assert.ok((await engine.invoke(1, golden.inputs, outputs, deadlineMs)).ok);
      assert.deepEqual(outputs, golden.outputs);
    } finally {
      await Promise.all([killing.close(), engine.close()]);
    }
  });
});

describe('The engine in workers, and a model that never comes back', () => {
  const golden = readGolden();
  const output = (): Uint8Array => new Uint8Array(golden.outputs.length);

  it('ends it at its deadline, and its neighbour answers meanwhile', async () => {
    const core = await compileWasmCore();
    const looping = createWorkerEngine(assembleHostileCore(core, golden.model, 'loops'));
    const engine = createWorkerEngine(core);
    try {
      assert.ok((await looping.load(1, golden.model, load)).ok);
      assert.ok((await engine.load(1, golden.model, load)).ok);
      const outputs = new Uint8Array(golden.outputs.length);
      const late = looping.invoke(1, golden.inputs, outputs.slice(), 300);
      assert.ok((await engine.invoke(1, golden.inputs, outputs, deadlineMs)).ok);
      assert.deepEqual(outputs, golden.outputs);
      assert.equal(codeOf(await late), 'engine-deadline');
      assert.equal(
        codeOf(await looping.invoke(1, golden.inputs, outputs, deadlineMs)),
        'engine-gone',
      );
      await looping.unload(1);
      assert.ok((await looping.load(2, golden.model, load)).ok);
    } finally {
      await Promise.all([looping.close(), engine.close()]);
    }
  });

  it('ends it while it takes memory, which stops at the maximum of the core', async () => {
    const core = await compileWasmCore(8_388_608);
    const growing = createWorkerEngine(assembleHostileCore(core, golden.model, 'grows'));
    try {
      await growing.load(1, golden.model, load);
      const late = await growing.invoke(1, golden.inputs, output(), 300);
      assert.equal(codeOf(late), 'engine-deadline');
    } finally {
      // A thread that goes on taking memory would not hear that it is to end.
      await growing.close();
    }
  });

  it('ends it where it is unloaded in the middle', async () => {
    const core = await compileWasmCore();
    const looping = createWorkerEngine(assembleHostileCore(core, golden.model, 'loops'));
    try {
      await looping.load(1, golden.model, load);
      const late = looping.invoke(1, golden.inputs, output(), 60_000);
      await looping.unload(1);
      assert.equal(codeOf(await late), 'engine-gone');
    } finally {
      await looping.close();
    }
  });
});
