import { readFileSync } from 'node:fs';
import type { SigningKey } from '../../agent/adapters/signing-key.js';
import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import type { Engine, Handle } from '../../agent/ports/engine.js';
import { expectOk } from '../../protocol/coded-error.js';
import { parseSelfTest } from '../../protocol/documents/self-test.js';
import { accept } from '../../protocol/result.js';
import { parseLabelsFile } from '../../operator/release/labels-file.js';
import { parsePipelineFile } from '../../operator/release/pipeline-file.js';
import { buildRelease, type ReleaseTools } from '../../operator/release/build-release.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { Workshop } from '../demo/workshop.js';
import { markModel } from './behaviours.js';
import { createSeededKey } from '../ports/seeded-key.js';
import type { Release } from '../scenario/scenario.js';

/** A release of a scenario, built and signed, as it is published. */
export interface BuiltRelease {
  readonly release: Release;
  readonly file: ReleaseFile;
  /** The names of its classes, in the order of its outputs. */
  readonly classes: readonly string[];
  /** The inputs of its self-test, as its last model takes them. */
  readonly golden: readonly Uint8Array[];
}

/** Builds the releases of a scenario, with the operator's key. Throws what building throws. */
export async function buildReleases(
  releases: readonly Release[],
  slot: string,
  { core, crypto, key }: { core: WebAssembly.Module; crypto: Crypto; key: SigningKey },
): Promise<ReadonlyMap<string, BuiltRelease>> {
  const engine = timeless(createInProcessEngine(core));
  const tools: ReleaseTools = { engine, crypto, key };
  const workshop = new Workshop({ ...tools, stranger: createSeededKey('a stranger'), slot });
  const built = new Map<string, BuiltRelease>();
  for (const [i, release] of releases.entries()) {
    const classes =
      release.labels === undefined ? [] : parseLabelsFile(readFileSync(release.labels, 'utf8'));
    const pipeline = release.pipeline && readFileSync(release.pipeline, 'utf8');
    const [first, last] = [release.models[0], release.models.at(-1)];
    if (first === undefined || last === undefined) throw new Error('a release has a model');
    const good = await buildRelease(
      {
        model: release.behaves === undefined ? readBytes(last) : markModel(readBytes(last), i),
        frontEnd: first === last ? undefined : readBytes(first),
        labels: classes,
        pipeline: pipeline ? (models) => parsePipelineFile(pipeline, models) : undefined,
        reference: release.reference === undefined ? undefined : readBytes(release.reference),
        slot,
        name: release.name,
        version: '',
        sequence: i + 1,
        epoch: 0,
      },
      tools,
    );
    const file = damaged(good, release.damage, workshop);
    built.set(release.name, { release, file, classes, golden: goldenInputsOf(good) });
  }
  return built;
}

/** A machine for building that takes a nanosecond for each multiply-accumulate: what was measured is signed, and must be the same in each run. */
function timeless(engine: Engine): Engine {
  const macs = new Map<Handle, number>();
  return {
    ...engine,
    async load(handle, model, limits) {
      const facts = await engine.load(handle, model, limits);
      if (facts.ok) macs.set(handle, facts.value.macs);
      return facts;
    },
    async invoke(handle, input, output, deadlineMs) {
      const invoked = await engine.invoke(handle, input, output, deadlineMs);
      if (!invoked.ok) return invoked;
      const latencyUs = Math.ceil((macs.get(handle) ?? 0) / 1000);
      return accept({ ...invoked.value, latencyUs });
    },
  };
}

function goldenInputsOf({ manifest, artifacts }: ReleaseFile): readonly Uint8Array[] {
  const at = manifest.artifacts.findIndex(({ role }) => role === 'self-test');
  const bytes = artifacts[at];
  if (bytes === undefined) return [];
  const selfTest = expectOk(parseSelfTest(bytes));
  const { vectors } = selfTest.further?.at(-1) ?? selfTest;
  return vectors.map(({ inputs }) => inputs);
}

function damaged(good: ReleaseFile, damage: Release['damage'], workshop: Workshop): ReleaseFile {
  switch (damage) {
    case undefined:
      return good;
    case 'block':
      return workshop.withDamagedBlock(good);
    case 'manifest':
      return workshop.withDamagedManifest(good);
    case 'self-test':
      return workshop.withWrongSelfTest(good);
    case 'stranger':
      return workshop.signedByStranger(good);
  }
}

function readBytes(file: string): Uint8Array {
  return new Uint8Array(readFileSync(file));
}
