import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInProcessEngine } from '../../../../agent/adapters/engine/in-process-engine.js';
import { compileWasmCore } from '../../../../agent/adapters/engine/wasm-core.js';
import { LoadedRelease } from '../../../../agent/core/inference/loaded-release.js';
import { Tasks, type Process } from '../../../../agent/core/process.js';
import type { Engine } from '../../../../agent/ports/engine.js';
import { expectOk } from '../../../../protocol/coded-error.js';
import type { WindowPlace } from '../../../../agent/core/inference/window.js';
import type { FrontEnd, WindowShape } from '../../../../protocol/documents/pipeline.js';
import { sampleManifest } from '../../../helpers/documents.js';
import { writeEchoModel, writeStreamingModel } from '../../../helpers/model-file.js';
import { requires, sharedFolder } from '../../../helpers/requires.js';

describe('A front end', () => {
  let engine: Engine;
  let deadlines: number[];
  let invoked: number[];
  beforeEach(async () => {
    engine = createInProcessEngine(await compileWasmCore());
    deadlines = [];
    invoked = [];
  });
  afterEach(() => engine.close());

  async function load(
    models: readonly Uint8Array[],
    shape: Pick<WindowShape, 'frames' | 'channels'> & { readonly stride?: number },
    frontEnd: FrontEnd,
    average?: number,
  ): Promise<LoadedRelease> {
    const limits = { arenaBytes: 1_048_576, deadlineMs: 1_000 };
    const loaded = [];
    for (const [handle, model] of models.entries()) {
      loaded.push({ handle, facts: expectOk(await engine.load(handle, model, limits)) });
    }
    const manifest = sampleManifest();
    const pipeline = {
      window: { stride: shape.frames, ...shape, sampleRateHz: undefined },
      normalise: { kind: 'none', multiply: 1, add: 0 },
      models: models.map((_, i) => String(i)),
      decision: { kind: 'argmax', average },
      frontEnd,
    } as const;
    const stored = { sequence: 1, manifest: '' };
    return expectOk(LoadedRelease.create(stored, { ...manifest, pipeline }, loaded, []));
  }

  /** The scores of a window, or the code and detail of the refusal. */
  async function answer(
    release: LoadedRelease,
    window: Float32Array,
    place: WindowPlace = { stretch: {}, frame: 0 },
  ): Promise<readonly unknown[]> {
    const tasks = new Tasks();
    let given: readonly unknown[] = [];
    const course = function* (): Process<void> {
      const answered = yield* release.answer(window, place, 500);
      given = answered.ok
        ? [...(answered.value?.scores ?? [])]
        : [answered.rejection.code, answered.rejection.detail];
    };
    tasks.run(course());
    for (let effects = tasks.takeEffects(); effects.length > 0; effects = tasks.takeEffects()) {
      for (const effect of effects) {
        if (effect.kind === 'invoke') {
          const { handle, input, output, deadlineMs, request } = effect;
          deadlines.push(deadlineMs);
          invoked.push(handle);
          const run = await engine.invoke(handle, input, output, deadlineMs);
          // As slow as a gateway.
          const slow = run.ok ? { ...run.value, latencyUs: 200_000 } : undefined;
          tasks.answer(request, slow === undefined ? run : { ok: true, value: slow });
        } else if (effect.kind === 'reset') {
          tasks.answer(effect.request, await engine.reset(effect.handle));
        } else throw new Error(`asked for ${effect.kind}`);
      }
    }
    return given;
  }

  it('sees overlapping slices of all channels, and the next model sees what it put out in order', async () => {
    const models = [writeEchoModel(4), writeEchoModel(16, 1)];
    const release = await load(models, { frames: 5, channels: 2 }, { frames: 2, stride: 1 });
    const window = Float32Array.of(1, -1, 2, -2, 3, -3, 4, -4, 5, -5);
    const slices = [1, -1, 2, -2, 2, -2, 3, -3, 3, -3, 4, -4, 4, -4, 5, -5];
    assert.deepEqual(await answer(release, window), slices);
  });

  it('has the deadline of a model for all slices together', async () => {
    const models = [writeEchoModel(2), writeEchoModel(8, 1)];
    const release = await load(models, { frames: 8, channels: 1 }, { frames: 2, stride: 2 });
    await answer(release, new Float32Array(8));
    assert.deepEqual(deadlines, [500, 300, 100, 1, 500]);
  });

  it('fails a window where it has no output for a slice', async () => {
    const models = [writeStreamingModel(2), writeEchoModel(16, 1)];
    const release = await load(models, { frames: 4, channels: 1 }, { frames: 2, stride: 2 });
    assert.deepEqual(await answer(release, new Float32Array(4)), [
      'pipeline-mismatch',
      'the front end has no output for slice 1',
    ]);
  });

  describe('along a stream', () => {
    const models = [writeEchoModel(2), writeEchoModel(8, 1)];
    const shape = { frames: 8, channels: 1, stride: 4 };
    const frontEnd = { frames: 2, stride: 2, per: 'stream' } as const;
    const from = (first: number): Float32Array =>
      Float32Array.from({ length: 8 }, (_, i) => first + i);
    const stretch = {};

    it('runs on new slices alone, and gives the same as on all', async () => {
      const release = await load(models, shape, frontEnd);
      for (const [frame, runs] of [
        [0, 4],
        [4, 2],
        [8, 2],
        // One window was left out: all of this one is new, and follows on the last.
        [16, 4],
      ] as const) {
        invoked = [];
        assert.deepEqual(await answer(release, from(frame), { stretch, frame }), [...from(frame)]);
        assert.equal(invoked.filter((handle) => handle === 0).length, runs, String(frame));
      }
    });

    it('begins anew after a gap, and where it is not told to go on', async () => {
      const release = await load(models, shape, frontEnd);
      await answer(release, from(0), { stretch, frame: 0 });
      for (const place of [
        { stretch: {}, frame: 4 },
        { stretch, frame: 4 },
        { stretch, frame: 14 },
        // The same one again.
        { stretch, frame: 14 },
      ]) {
        invoked = [];
        assert.deepEqual(await answer(release, from(40), place), [...from(40)]);
        assert.equal(invoked.filter((handle) => handle === 0).length, 4);
      }
      const anew = await load(models, shape, { ...frontEnd, per: 'window' });
      await answer(anew, from(0), { stretch, frame: 0 });
      invoked = [];
      await answer(anew, from(4), { stretch, frame: 4 });
      assert.equal(invoked.filter((handle) => handle === 0).length, 4);
    });

    it('has scores averaged over windows, and no answer before there are enough', async () => {
      const release = await load(models, shape, frontEnd, 2);
      const firstScore = async (frame: number, at: object): Promise<unknown> =>
        (await answer(release, from(frame), { stretch: at, frame }))[0];
      assert.equal(await firstScore(0, stretch), undefined);
      assert.equal(await firstScore(4, stretch), 2);
      // A window that was left out between them changes nothing.
      assert.equal(await firstScore(12, stretch), 8);
      assert.equal(await firstScore(24, stretch), undefined);
      assert.equal(await firstScore(28, stretch), 26);
      assert.equal(await firstScore(32, {}), undefined);
    });
  });

  it('forgets what it has heard before each window', async function () {
    requires(this, 'shared');
    const read = (name: string): Uint8Array =>
      new Uint8Array(readFileSync(path.join(sharedFolder, 'data', name)));
    const clip = (name: string): Float32Array => {
      const bytes = read(`inputs/${name}_1000ms.wav`);
      return Float32Array.from(new Int16Array(bytes.slice(44).buffer));
    };
    const names = ['audio_preprocessor_int8', 'micro_speech_quantized'];
    const release = await load(
      names.map((name) => read(`models/${name}.tflite`)),
      { frames: 16_000, channels: 1 },
      { frames: 480, stride: 320 },
    );
    const first = await answer(release, clip('silence'));
    const noise = await answer(release, clip('noise'));
    assert.notDeepEqual(first, noise);
    assert.deepEqual(await answer(release, clip('silence')), first);
  });
});
