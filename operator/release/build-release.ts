import { CodedError, expectOk } from '../../protocol/coded-error.js';
import { sealSign1 } from '../../protocol/cose/sign1.js';
import {
  encodeManifest,
  parseManifest,
  type Artifact,
  type ArtifactRole,
  type Manifest,
} from '../../protocol/documents/manifest.js';
import { checkChain } from '../../protocol/model-chain.js';
import {
  hasFrontEndModel,
  slicesOf,
  type Pipeline,
  type Resize,
} from '../../protocol/documents/pipeline.js';
import { encodeSelfTest, type SelfTest } from '../../protocol/documents/self-test.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import type { Engine } from '../../agent/ports/engine.js';
import type { SigningKey } from '../../agent/adapters/signing-key.js';
import { joinBudgets, measureModel, type MeasuredModel } from './measure-model.js';
import { defaultPipeline } from './pipeline-file.js';
import { parseReferenceFile } from './reference-file.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { defaultBlockSize, describeTransfer } from './split-blocks.js';

/** What a release is made from. */
export interface ReleaseSource {
  readonly model: Uint8Array;
  /** The model that makes the other's input of the slices of a window; the pipeline says how it cuts them. */
  readonly frontEnd?: Uint8Array | undefined;
  /** One name for each output value, or none. */
  readonly labels: readonly string[];
  /** Derived from the model where absent. */
  readonly pipeline: ((models: readonly string[]) => Pipeline) | undefined;
  /** Without a pipeline: how pictures of any size become one of the model's; as they come where absent. */
  readonly fit?: Resize['fit'] | undefined;
  /** The model's answers on reference data, as `parseReferenceFile` reads them; none where absent. */
  readonly reference?: Uint8Array | undefined;
  readonly slot: string;
  readonly name: string;
  readonly version: string;
  readonly sequence: number;
  readonly epoch: number;
  /** Bytes of a block, 4096 to 65536: small ones lose less on a link that breaks often. */
  readonly blockBytes?: number;
}

export interface ReleaseTools {
  readonly engine: Engine;
  readonly crypto: Crypto;
  readonly key: SigningKey;
}

const modelName = 'model.tflite';
const frontEndName = 'front-end.tflite';

/**
 * Builds and signs a release for any device: the model is loaded, its golden vectors are computed and its
 * budget is measured here. Throws what the engine refuses, or `pipeline-mismatch`.
 */
export async function buildRelease(
  source: ReleaseSource,
  { engine, crypto, key }: ReleaseTools,
): Promise<ReleaseFile> {
  const measured = await measureModel(source.model, engine);
  const before = source.frontEnd && (await measureModel(source.frontEnd, engine));
  const chain = before === undefined ? [measured] : [before, measured];
  const pipeline = choosePipeline(source, chain);
  const parts: [ArtifactRole, string, Uint8Array][] = [['model', modelName, source.model]];
  if (source.frontEnd !== undefined) parts.push(['model', frontEndName, source.frontEnd]);
  if (source.labels.length > 0) {
    const text = new TextEncoder().encode(`${source.labels.join('\n')}\n`);
    parts.push(['labels', 'labels.txt', text]);
  }
  parts.push(['self-test', 'self-test.cbor', encodeSelfTest(selfTestOf(chain))]);
  if (source.reference !== undefined) {
    // What cannot be read later must not be signed now.
    parseReferenceFile(source.reference);
    parts.push(['reference', 'reference.json', source.reference]);
  }
  const artifacts = parts.map(([role, name, bytes]): Artifact => {
    const transfer = describeTransfer(bytes, source.blockBytes ?? defaultBlockSize, crypto);
    return { role, name, digest: transfer.digest, size: bytes.length, transfers: [transfer] };
  });
  const manifest: Manifest = {
    sequence: source.sequence,
    epoch: source.epoch,
    slot: source.slot,
    name: source.name,
    version: source.version,
    target: { classes: undefined, devices: undefined },
    notBefore: undefined,
    notAfter: undefined,
    minimumAgent: undefined,
    artifacts,
    pipeline,
    budget:
      before === undefined
        ? measured.budget
        : joinBudgets(before.budget, slicesOf(pipeline), measured.budget),
  };
  return sealRelease(
    manifest,
    parts.map(([, , bytes]) => bytes),
    key,
  );
}

/** Signs a manifest over artifacts that it describes. Throws `document-invalid` for one that devices would refuse. */
export function sealRelease(
  manifest: Manifest,
  artifacts: readonly Uint8Array[],
  key: SigningKey,
): ReleaseFile {
  const payload = encodeManifest(manifest);
  expectOk(parseManifest(payload));
  const envelope = sealSign1('manifest', key.kid, payload, (bytes) => key.sign(bytes));
  return { envelope, manifest, artifacts };
}

/** The same release with other golden vectors, signed: how a mistake in building would look. */
export function withSelfTest(
  release: ReleaseFile,
  selfTest: SelfTest,
  { crypto, key }: Omit<ReleaseTools, 'engine'>,
): ReleaseFile {
  const bytes = encodeSelfTest(selfTest);
  const transfer = describeTransfer(bytes, defaultBlockSize, crypto);
  const at = release.manifest.artifacts.findIndex(({ role }) => role === 'self-test');
  const artifacts = release.manifest.artifacts.with(at, {
    role: 'self-test',
    name: 'self-test.cbor',
    digest: transfer.digest,
    size: bytes.length,
    transfers: [transfer],
  });
  return sealRelease({ ...release.manifest, artifacts }, release.artifacts.with(at, bytes), key);
}

/** The golden vectors of all models: those of the first, and behind it the others. */
function selfTestOf([first, ...further]: readonly MeasuredModel[]): SelfTest {
  if (first === undefined) throw new Error('a release has a model');
  if (further.length === 0) return first.selfTest;
  return { ...first.selfTest, further: further.map(({ selfTest }) => selfTest) };
}

function choosePipeline(source: ReleaseSource, chain: readonly MeasuredModel[]): Pipeline {
  const { pipeline, fit, labels } = source;
  const [first] = chain;
  const input = first?.facts.inputs[0];
  if (input === undefined) throw new CodedError('pipeline-mismatch', 'the model has no input');
  const names = source.frontEnd === undefined ? [modelName] : [frontEndName, modelName];
  const chosen = pipeline?.(names) ?? defaultPipeline(input, names, fit);
  const hasModel = hasFrontEndModel(chosen);
  if (hasModel !== (source.frontEnd !== undefined)) {
    throw new CodedError(
      'pipeline-mismatch',
      !hasModel
        ? 'the pipeline does not say how the model of the front end cuts a window: frontEnd'
        : 'the pipeline has a front end, whose model is missing',
    );
  }
  if (hasModel && first?.waits === true) {
    throw new CodedError('pipeline-mismatch', 'the front end has no output for each of its inputs');
  }
  const borders = chain.map(({ facts }) => facts);
  expectOk(checkChain(chosen, borders, labels.length));
  return chosen;
}
