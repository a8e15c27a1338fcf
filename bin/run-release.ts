import { compileWasmCore } from '../agent/adapters/engine/wasm-core.js';
import { createWorkerEngine } from '../agent/adapters/engine/worker-engine.js';
import { createNodeCrypto } from '../agent/adapters/node-crypto.js';
import type { LoadedRelease } from '../agent/core/inference/loaded-release.js';
import { Window, type WindowPlace } from '../agent/core/inference/window.js';
import { Tasks, type Process } from '../agent/core/process.js';
import { loadModels } from '../agent/core/update/load-release.js';
import type { Engine } from '../agent/ports/engine.js';
import { parseReleaseFile } from '../operator/release/release-file.js';
import { toHex } from '../protocol/bytes.js';
import { CodedError, expectOk } from '../protocol/coded-error.js';
import { readClassNames } from '../protocol/class-names.js';
import type { Manifest } from '../protocol/documents/manifest.js';
import type { ReleaseFile } from '../protocol/documents/release-file.js';
import { accept } from '../protocol/result.js';
import { toolLimits } from './interpreter.js';
import { readInput } from './run-input.js';

/** The answer of a release to one window. */
export interface WindowAnswer {
  /** The name of the class; undefined where the release abstains, or decides nothing. */
  readonly label: string | undefined;
  readonly score: number | undefined;
  /** Dequantised values of the last output. */
  readonly scores: readonly number[];
  readonly latencyUs: number;
}

/** What a release says of an input. */
export interface RunOfRelease {
  readonly manifest: Manifest;
  /** The names of the scores; their indices where the release has none. */
  readonly names: readonly string[];
  /** One for each window; undefined where a model waits for more windows. */
  readonly answers: readonly (WindowAnswer | undefined)[];
  /** Frames at the end of the input that make no window. */
  readonly framesLeft: number;
}

/**
 * Answers all windows of an input as a device would, from decoding to the decision. Digests of the release are checked, its
 * signature is not: that needs a keyset. Throws what is refused.
 *
 * @param input the name of the file with the samples
 */
export async function runRelease(
  bytes: Uint8Array,
  input: string,
  deadlineMs: number,
): Promise<RunOfRelease> {
  const crypto = createNodeCrypto();
  const file = parseReleaseFile(bytes, crypto);
  const { manifest } = file;
  const { window } = manifest.pipeline;
  const samples = await readInput(input, window);
  if (samples.isPicture && samples.values.length !== window.frames * window.channels) {
    throw new CodedError(
      'source-mismatch',
      `a picture of ${samples.values.length} values, the release takes ${window.frames * window.channels}`,
    );
  }
  const engine = createWorkerEngine(await compileWasmCore());
  try {
    const digest = toHex(crypto.sha256(file.envelope));
    const release = await loadFile(file, digest, engine);
    const windows: (readonly [values: Float32Array, place: WindowPlace])[] = [];
    const cutter = new Window(window);
    cutter.push(samples.values, (values, place) => windows.push([values.slice(), place]));
    const frames = samples.values.length / window.channels;
    if (windows.length === 0) {
      const detail = `a window has ${window.frames} frames, ${input} has ${frames}`;
      throw new CodedError('source-mismatch', detail);
    }
    const answers: (WindowAnswer | undefined)[] = [];
    for (const [values, place] of windows) {
      const answer = expectOk(await perform(release.answer(values, place, deadlineMs), engine));
      answers.push(answer && { ...answer, scores: [...answer.scores] });
    }
    const covered = window.frames + (windows.length - 1) * window.stride;
    return {
      manifest,
      names: namesOf(file, answers.find((answer) => answer !== undefined)?.scores.length ?? 0),
      answers,
      framesLeft: Math.max(0, frames - covered),
    };
  } finally {
    await engine.close();
  }
}

/** The classes of a release in the order of its scores. */
function namesOf({ manifest, artifacts }: ReleaseFile, count: number): readonly string[] {
  const at = manifest.artifacts.findIndex(({ role }) => role === 'labels');
  const names = readClassNames(artifacts[at] ?? new Uint8Array());
  return Array.from({ length: count }, (_, i) => names[i] ?? String(i));
}

async function loadFile(
  { manifest, artifacts }: ReleaseFile,
  digest: string,
  engine: Engine,
): Promise<LoadedRelease> {
  let handles = 0;
  return expectOk(
    await perform(
      loadModels(
        { nextHandle: () => ++handles, ...toolLimits },
        { sequence: manifest.sequence, manifest: digest },
        manifest,
        // eslint-disable-next-line require-yield -- the file is in memory
        function* (artifact) {
          return accept(artifacts[manifest.artifacts.indexOf(artifact)] ?? new Uint8Array());
        },
        [],
      ),
      engine,
    ),
  );
}

/** Carries out a process that asks for nothing but the engine. */
async function perform<T>(process: Process<T>, engine: Engine): Promise<T> {
  const tasks = new Tasks();
  const done: { value?: { readonly given: T } } = {};
  tasks.run(
    (function* (): Process<void> {
      done.value = { given: yield* process };
    })(),
  );
  for (let effects = tasks.takeEffects(); effects.length > 0; effects = tasks.takeEffects()) {
    for (const effect of effects) {
      if (effect.kind === 'load') {
        const { handle, model, arenaBytes, mostWork, deadlineMs, request } = effect;
        tasks.answer(
          request,
          await engine.load(handle, model, { arenaBytes, mostWork, deadlineMs }),
        );
      } else if (effect.kind === 'invoke') {
        const { handle, input, output, deadlineMs, request } = effect;
        tasks.answer(request, await engine.invoke(handle, input, output, deadlineMs));
      } else if (effect.kind === 'reset') {
        tasks.answer(effect.request, await engine.reset(effect.handle));
      } else throw new Error(`the process asks for ${effect.kind}`);
    }
  }
  if (done.value === undefined) throw new Error('the process waits for ever');
  return done.value.given;
}
