import assert from 'node:assert/strict';
import { createInProcessEngine } from '../../../../agent/adapters/engine/in-process-engine.js';
import { compileWasmCore } from '../../../../agent/adapters/engine/wasm-core.js';
import { LoadedRelease } from '../../../../agent/core/inference/loaded-release.js';
import { Server } from '../../../../agent/core/inference/server.js';
import { Tasks, type Process } from '../../../../agent/core/process.js';
import { runSelfTest } from '../../../../agent/core/update/self-test.js';
import type { Engine } from '../../../../agent/ports/engine.js';
import { measureModel } from '../../../../operator/release/measure-model.js';
import { expectOk } from '../../../../protocol/coded-error.js';
import type { SelfTest } from '../../../../protocol/documents/self-test.js';
import { sampleManifest } from '../../../helpers/documents.js';
import { writeStreamingModel } from '../../../helpers/model-file.js';

describe('A model that has an output for each second window', () => {
  const model = writeStreamingModel();
  let engine: Engine;
  let tasks: Tasks;
  beforeEach(async () => {
    engine = createInProcessEngine(await compileWasmCore());
    tasks = new Tasks();
  });
  afterEach(() => engine.close());

  async function load(): Promise<LoadedRelease> {
    const limits = { arenaBytes: 1_048_576, deadlineMs: 1_000 };
    const facts = expectOk(await engine.load(7, model, limits));
    const manifest = sampleManifest();
    const window = { frames: 1, channels: 2, sampleRateHz: 1, stride: 1, resize: undefined };
    const pipeline = {
      ...manifest.pipeline,
      window,
      normalise: { kind: 'none', multiply: 1, add: 0 },
      decision: { kind: 'argmax', threshold: undefined },
    } as const;
    const stored = { sequence: 1, manifest: '' };
    return expectOk(
      LoadedRelease.create(stored, { ...manifest, pipeline }, [{ handle: 7, facts }], []),
    );
  }

  /** Carries out what the tasks ask of the engine, until they ask for nothing more. */
  async function settle(): Promise<void> {
    for (let effects = tasks.takeEffects(); effects.length > 0; effects = tasks.takeEffects()) {
      for (const effect of effects) {
        if (effect.kind === 'invoke') {
          const { handle, input, output, deadlineMs, request } = effect;
          tasks.answer(request, await engine.invoke(handle, input, output, deadlineMs));
        } else if (effect.kind === 'reset') {
          tasks.answer(effect.request, await engine.reset(effect.handle));
        } else throw new Error(`asked for ${effect.kind}`);
      }
    }
  }

  it('answers each second window, and neither fails nor drops the others', async () => {
    const told: string[] = [];
    const server = new Server(tasks, () => ({ monotonicMs: 0, wallMs: 0 }), 1_000, {
      deadlineMs: () => 1_000,
      answered: (_, { index, scores }, { number }) => {
        told.push(`${number} is ${index}: ${[...scores].join(' ')}`);
      },
      waited: (_, values) => {
        told.push(`waited after ${[...values].join(' ')}`);
      },
      // eslint-disable-next-line require-yield -- nothing is asked
      failed: function* (): Process<boolean> {
        told.push('failed');
        return false;
      },
      crowded: () => told.push('crowded'),
      dropped: () => told.push('dropped'),
    });
    const release = await load();
    tasks.run(server.serve(release));
    for (const value of [1, 2, 3, 4]) {
      server.push(Float32Array.of(value, -value));
      await settle();
    }
    assert.deepEqual(told, [
      'waited after 1 -1',
      '2 is 6: 0 0 0 0 1 1 2 2',
      'waited after 3 -3',
      '4 is 6: 1 1 2 2 3 3 4 4',
    ]);
    assert.equal(server.pending, 0);
  });

  it('is measured until it has answered, and passes its own test on a device', async () => {
    const { selfTest, budget } = await measureModel(model, engine);
    assert.equal(selfTest.vectors.length, 8);
    assert.ok(budget.expectedUs > 0);
    const release = await load();
    const outcomeOf = async (given: SelfTest): Promise<string> => {
      let outcome = 'none';
      const course = function* (): Process<void> {
        const tested = yield* runSelfTest(release, given);
        outcome = tested.ok ? 'passed' : tested.rejection.code;
      };
      tasks.run(course());
      await settle();
      return outcome;
    };
    // The second time from the same state as the first.
    assert.deepEqual(await outcomeOf(selfTest), 'passed');
    assert.deepEqual(await outcomeOf(selfTest), 'passed');
    const [first, second, ...more] = selfTest.vectors;
    assert.ok(first && second);
    const wrong = { ...second, outputs: second.outputs.map((byte) => byte + 1) };
    const vectors = [first, wrong, ...more];
    assert.deepEqual(await outcomeOf({ ...selfTest, vectors }), 'self-test-mismatch');
  });
});
