import { readFileSync } from 'node:fs';
import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { toHex } from '../../protocol/bytes.js';
import { expectOk } from '../../protocol/coded-error.js';
import { LoadedRelease, type Answer } from '../../agent/core/inference/loaded-release.js';
import { Tasks } from '../../agent/core/process.js';
import { refuse, type Result } from '../../protocol/result.js';
import type { Engine } from '../../agent/ports/engine.js';
import { generateSigningKey } from '../../agent/adapters/signing-key.js';
import { buildRelease } from '../../operator/release/build-release.js';
import { parsePipelineFile } from '../../operator/release/pipeline-file.js';
import { demoModels, type DemoVersion } from './demo-documents.js';

/** A demo model as a device would have it: in a signed release, loaded into the real core. */
export class DemoRelease {
  readonly #engine: Engine;
  readonly #loaded: LoadedRelease;
  readonly #tasks = new Tasks();

  private constructor(engine: Engine, loaded: LoadedRelease) {
    this.#engine = engine;
    this.#loaded = loaded;
  }

  /** Throws what stands against building or loading it. */
  static async load(version: DemoVersion): Promise<DemoRelease> {
    const engine = createInProcessEngine(await compileWasmCore());
    const crypto = createNodeCrypto();
    const model = new Uint8Array(readFileSync(`${demoModels}/vibration-${version}.tflite`));
    const labels = readFileSync(`${demoModels}/labels.txt`, 'utf8').trim().split('\n');
    const pipeline = readFileSync(`${demoModels}/pipeline.json`, 'utf8');
    const { manifest, envelope } = await buildRelease(
      {
        model,
        labels,
        pipeline: (models) => parsePipelineFile(pipeline, models),
        slot: 'vibration',
        name: `vibration-${version}`,
        version: '',
        sequence: 1,
        epoch: 0,
      },
      { engine, crypto, key: generateSigningKey() },
    );
    const handle = 1;
    const { arenaBytes, deadlineUs } = manifest.budget;
    const limits = { arenaBytes, deadlineMs: deadlineUs / 1000 };
    const facts = expectOk(await engine.load(handle, model, limits));
    const stored = { sequence: 1, manifest: toHex(crypto.sha256(envelope)) };
    const loaded = LoadedRelease.create(stored, manifest, [{ handle, facts }], labels);
    return new DemoRelease(engine, expectOk(loaded));
  }

  /** Multiply-accumulates of one inference, as the core counts them. */
  get macs(): number {
    return this.#loaded.manifest.budget.macs;
  }

  /** Answers a window of raw samples, x, y and z of one frame after the other. */
  async answer(window: Float32Array): Promise<Answer> {
    const release = this.#loaded;
    let answer: Result<Answer | undefined> = refuse('engine-gone', 'the release never answered');
    const course = function* () {
      answer = yield* release.answer(
        window,
        { stretch: {}, frame: 0 },
        release.manifest.budget.deadlineUs / 1000,
      );
    };
    this.#tasks.run(course());
    for (const effect of this.#tasks.takeEffects()) {
      if (effect.kind !== 'invoke') throw new Error(`an answer asked for ${effect.kind}`);
      const { handle, input, output, deadlineMs } = effect;
      const invoked = await this.#engine.invoke(handle, input, output, deadlineMs);
      this.#tasks.answer(effect.request, invoked);
    }
    const given = expectOk<Answer | undefined>(answer);
    if (given === undefined) throw new Error('a demo model waits for more windows');
    return given;
  }
}
