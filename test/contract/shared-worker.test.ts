import assert from 'node:assert/strict';
import process from 'node:process';
import type { Worker } from 'node:worker_threads';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { createWorkerEngine } from '../../agent/adapters/engine/worker-engine.js';
import type { Engine } from '../../agent/ports/engine.js';
import { expectOk } from '../../protocol/coded-error.js';
import { assembleHostileCore, type Hostility } from '../helpers/hostile-core.js';
import { writeStreamingModel } from '../helpers/model-file.js';
import { codeOf, deadlineMs, load, readGolden } from './engine.contract.js';

const trusted = { ...load, mayShare: true };
const [first, second, third] = [1, 2, 3];

describe('Models that share a worker', () => {
  const golden = readGolden();
  let core: WebAssembly.Module;
  const engines: Engine[] = [];
  const alive = new Set<Worker>();
  const watch = (worker: Worker): void => {
    alive.add(worker);
    worker.once('exit', () => alive.delete(worker));
  };
  before(async () => {
    process.on('worker', watch);
    // A thread that goes on taking memory would not hear that it is to end.
    core = await compileWasmCore(8_388_608);
  });
  after(() => process.off('worker', watch));
  afterEach(() => Promise.all(engines.splice(0).map((engine) => engine.close())));

  const open = (of = core): Engine => {
    const engine = createWorkerEngine(of, { workers: 'shared' });
    engines.push(engine);
    return engine;
  };
  /** One whose models show what they are at their second inference, each time that they are loaded. */
  const openHostile = (hostility: Hostility): Engine =>
    open(assembleHostileCore(core, golden.model, hostility, 1));
  const invoke = (engine: Engine, handle: number, withinMs = deadlineMs) =>
    engine.invoke(handle, golden.inputs, new Uint8Array(golden.outputs.length), withinMs);
  const threads = (): number => alive.size;

  it('have one thread for all of them, which ends with the last', async () => {
    const engine = open();
    for (const handle of [first, second, third])
      expectOk(await engine.load(handle, golden.model, trusted));
    assert.equal(threads(), 1);
    for (const handle of [first, second, third]) {
      assert.equal(threads(), 1);
      await engine.unload(handle);
    }
    assert.equal(threads(), 0);
  });

  it('answer what they are asked at the same time, each with its own outputs', async () => {
    const engine = open();
    const handles = Array.from({ length: 8 }, (_, i) => i + 1);
    await Promise.all(handles.map((handle) => engine.load(handle, golden.model, trusted)));
    const outputs = handles.map(() => new Uint8Array(golden.outputs.length));
    const answers = await Promise.all(
      handles.map((handle, i) =>
        engine.invoke(handle, golden.inputs, outputs[i] ?? new Uint8Array(), deadlineMs),
      ),
    );
    answers.forEach(expectOk);
    for (const each of outputs) assert.deepEqual(each, golden.outputs);
  });

  for (const [hostility, code] of [
    ['loops', 'engine-deadline'],
    ['grows', 'engine-deadline'],
    ['kills', 'engine-gone'],
    ['traps', 'engine-trapped'],
  ] as const) {
    it(`answer all the same where one of them ${hostility}, and only that one is gone`, async () => {
      const engine = openHostile(hostility);
      for (const handle of [first, second, third])
        expectOk(await engine.load(handle, golden.model, trusted));
      expectOk(await invoke(engine, first));
      const withinMs = hostility === 'kills' ? deadlineMs : 300;
      const [hostile, ...others] = await Promise.all([
        invoke(engine, first, withinMs),
        invoke(engine, second),
        invoke(engine, third),
      ]);
      assert.equal(codeOf(hostile), code);
      others.forEach(expectOk);
      assert.equal(codeOf(await invoke(engine, first)), 'engine-gone');
      assert.equal(codeOf(await engine.reset(first)), 'engine-gone');
      await engine.unload(first);
      expectOk(await engine.reset(second));
    });
  }

  it('are not late because of one before them: a deadline begins with the turn', async () => {
    const engine = openHostile('loops');
    for (const handle of [first, second])
      expectOk(await engine.load(handle, golden.model, trusted));
    expectOk(await invoke(engine, first));
    const hanging = invoke(engine, first, 600);
    expectOk(await invoke(engine, second, 400));
    assert.equal(codeOf(await hanging), 'engine-deadline');
  });

  it('go on where one is unloaded in the middle of an endless inference', async () => {
    const engine = openHostile('loops');
    for (const handle of [first, second])
      expectOk(await engine.load(handle, golden.model, trusted));
    expectOk(await invoke(engine, first));
    const hanging = invoke(engine, first, 60_000);
    const waiting = invoke(engine, second);
    await engine.unload(first);
    assert.equal(codeOf(await hanging), 'engine-gone');
    expectOk(await waiting);
  });

  it('refuse at once what one was asked that is unloaded before its turn', async () => {
    const engine = openHostile('loops');
    for (const handle of [first, second])
      expectOk(await engine.load(handle, golden.model, trusted));
    expectOk(await invoke(engine, first));
    const hanging = invoke(engine, first, 1_000);
    const waiting = invoke(engine, second);
    const unloaded = engine.unload(second);
    assert.equal(codeOf(await Promise.race([waiting, hanging])), 'engine-gone');
    await unloaded;
    assert.equal(codeOf(await hanging), 'engine-deadline');
  });

  it('leave nothing behind that was unloaded while they were loaded anew', async () => {
    const engine = openHostile('loops');
    for (const handle of [first, second, third])
      expectOk(await engine.load(handle, golden.model, trusted));
    expectOk(await invoke(engine, first));
    const hanging = invoke(engine, first, 200);
    const waiting = [invoke(engine, second), invoke(engine, third)];
    assert.equal(codeOf(await hanging), 'engine-deadline');
    await Promise.all([first, second, third].map((handle) => engine.unload(handle)));
    for (const each of waiting) assert.equal(codeOf(await each), 'engine-gone');
    assert.equal(threads(), 0);
  });

  it('survive one that is refused while it is loaded beside them', async () => {
    const engine = open();
    expectOk(await engine.load(first, golden.model, trusted));
    const refused = await engine.load(second, golden.model.slice(0, 3000), trusted);
    assert.ok(!refused.ok);
    expectOk(await invoke(engine, first));
    await engine.unload(second);
    expectOk(await engine.load(third, golden.model, trusted));
  });

  it('are not those of a stranger, which harms nobody', async () => {
    const engine = openHostile('loops');
    expectOk(await engine.load(first, golden.model, trusted));
    expectOk(await engine.load(second, golden.model, load));
    expectOk(await invoke(engine, second));
    const hanging = invoke(engine, second, 60_000);
    expectOk(await invoke(engine, first, 5_000));
    await engine.unload(second);
    assert.equal(codeOf(await hanging), 'engine-gone');
  });

  it('are joined by a stranger that has shown itself, while it answers', async () => {
    const engine = open();
    expectOk(await engine.load(first, golden.model, trusted));
    expectOk(await engine.load(second, golden.model, load));
    assert.equal(threads(), 2);
    const answers: PromiseLike<unknown>[] = [];
    const joined = engine.share(second).then(() => 'joined');
    for (let i = 0; i < 100; i++) {
      answers.push(invoke(engine, second).then(expectOk));
      await answers.at(-1);
    }
    await joined;
    await Promise.all(answers);
    expectOk(await invoke(engine, second));
    assert.equal(threads(), 1);
    await engine.share(second);
    await engine.share(7);
    await engine.unload(second);
    assert.equal(codeOf(await invoke(engine, second)), 'engine-gone');
    expectOk(await invoke(engine, first));
  });

  it('are not joined by one that is unloaded meanwhile', async () => {
    const engine = open();
    expectOk(await engine.load(first, golden.model, trusted));
    expectOk(await engine.load(second, golden.model, load));
    const joining = engine.share(second);
    await engine.unload(second);
    await joining;
    assert.equal(codeOf(await invoke(engine, second)), 'engine-gone');
    assert.equal(threads(), 1);
  });

  it('are none that keep state: it stays with them, whoever is trusted', async () => {
    const engine = open();
    expectOk(await engine.load(first, golden.model, trusted));
    const outputs = new Uint8Array(8);
    const feed = async (handle: number): Promise<boolean> =>
      expectOk(await engine.invoke(handle, new Uint8Array(2), outputs, deadlineMs)).hasOutput;
    expectOk(await engine.load(second, writeStreamingModel(), load));
    assert.equal(await feed(second), false);
    await engine.share(second);
    // It waits for a second input, and has not forgotten the first.
    assert.equal(await feed(second), true);
    expectOk(await engine.load(third, writeStreamingModel(), trusted));
    assert.equal(await feed(third), false);
    await engine.unload(second);
    assert.equal(threads(), 2);
    await engine.unload(third);
    assert.equal(threads(), 1);
  });

  it('end with the engine, and what they were asked with them', async () => {
    const engine = openHostile('loops');
    for (const handle of [first, second])
      expectOk(await engine.load(handle, golden.model, trusted));
    expectOk(await invoke(engine, first));
    const asked = [invoke(engine, first, 60_000), invoke(engine, second, 60_000)];
    await engine.close();
    for (const each of asked) assert.equal(codeOf(await each), 'engine-gone');
  });
});
