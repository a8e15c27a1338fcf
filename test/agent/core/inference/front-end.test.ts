import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInProcessEngine } from '../../../../agent/adapters/engine/in-process-engine.js';
import { compileWasmCore } from '../../../../agent/adapters/engine/wasm-core.js';
import { LoadedRelease } from '../../../../agent/core/inference/loaded-release.js';
import { Tasks, type Process } from '../../../../agent/core/process.js';
import type { Engine } from '../../../../agent/ports/engine.js';
import { expectOk } from '../../../../protocol/coded-error.js';
import type { FrontEnd, WindowShape } from '../../../../protocol/documents/pipeline.js';
import { sampleManifest } from '../../../helpers/documents.js';
import { writeEchoModel, writeStreamingModel } from '../../../helpers/model-file.js';
import { requires, sharedFolder } from '../../../helpers/requires.js';

describe('A front end', () => {
  let engine: Engine;
  let deadlines: number[];
  beforeEach(async () => {
    engine = createInProcessEngine(await compileWasmCore());
    deadlines = [];
  });
  afterEach(() => engine.close());

  async function load(
    models: readonly Uint8Array[],
    shape: Pick<WindowShape, 'frames' | 'channels'>,
    frontEnd: FrontEnd,
  ): Promise<LoadedRelease> {
    const limits = { arenaBytes: 1_048_576, deadlineMs: 1_000 };
    const loaded = [];
    for (const [handle, model] of models.entries()) {
      loaded.push({ handle, facts: expectOk(await engine.load(handle, model, limits)) });
    }
    const manifest = sampleManifest();
    const pipeline = {
      window: { ...shape, stride: shape.frames, sampleRateHz: undefined },
      normalise: { kind: 'none', multiply: 1, add: 0 },
      models: models.map((_, i) => String(i)),
      decision: { kind: 'argmax' },
      frontEnd,
    } as const;
    const stored = { sequence: 1, manifest: '' };
    return expectOk(LoadedRelease.create(stored, { ...manifest, pipeline }, loaded, []));
  }

  /** The scores of a window, or the code and detail of the refusal. */
  async function answer(release: LoadedRelease, window: Float32Array): Promise<readonly unknown[]> {
    const tasks = new Tasks();
    let given: readonly unknown[] = [];
    const course = function* (): Process<void> {
      const answered = yield* release.answer(window, 500);
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
          const invoked = await engine.invoke(handle, input, output, deadlineMs);
          // As slow as a gateway.
          const slow = invoked.ok ? { ...invoked.value, latencyUs: 200_000 } : undefined;
          tasks.answer(request, slow === undefined ? invoked : { ok: true, value: slow });
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
