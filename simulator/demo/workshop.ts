import { readFileSync } from 'node:fs';
import type { Crypto } from '../../agent/ports/crypto.js';
import type { Engine } from '../../agent/ports/engine.js';
import { expectOk } from '../../protocol/coded-error.js';
import { parseSelfTest } from '../../protocol/documents/self-test.js';
import type { SigningKey } from '../../agent/adapters/signing-key.js';
import {
  buildRelease,
  sealRelease,
  withSelfTest,
  type ReleaseTools,
} from '../../operator/release/build-release.js';
import { parsePipelineFile } from '../../operator/release/pipeline-file.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';

/** A model that comes with the demo. */
export type DemoModel = 'vibration-v1' | 'vibration-v2' | 'vibration-v3';

/** Builds the releases of the story, good and bad. */
export class Workshop {
  readonly #tools: ReleaseTools;
  readonly #slot: string;
  readonly #stranger: SigningKey;

  constructor(options: {
    readonly engine: Engine;
    readonly crypto: Crypto;
    readonly key: SigningKey;
    readonly stranger: SigningKey;
    readonly slot: string;
  }) {
    this.#tools = options;
    this.#slot = options.slot;
    this.#stranger = options.stranger;
  }

  /** A release of one of the models that come with the demo. */
  build(name: DemoModel, sequence: number): Promise<ReleaseFile> {
    return this.#build(name, readDemoFile(`${name}.tflite`), sequence);
  }

  /** The same from a file that no device has yet: what a device has, it does not fetch again. */
  buildUnseen(name: DemoModel, sequence: number): Promise<ReleaseFile> {
    const padding = new Uint8Array(16);
    return this.#build(name, Buffer.concat([readDemoFile(`${name}.tflite`), padding]), sequence);
  }

  /** Correctly signed, but one byte of the model changed on its way. */
  withDamagedBlock(release: ReleaseFile): ReleaseFile {
    const model = release.artifacts[0] ?? new Uint8Array();
    return { ...release, artifacts: release.artifacts.with(0, flipByte(model, model.length >> 1)) };
  }

  /** One byte of the manifest changed after it was signed. */
  withDamagedManifest(release: ReleaseFile): ReleaseFile {
    // The signature is the end of the message; this byte is in the payload before it.
    const at = release.envelope.length - 100;
    return { ...release, envelope: flipByte(release.envelope, at) };
  }

  /** The same release under somebody else's key. */
  signedByStranger({ manifest, artifacts }: ReleaseFile): ReleaseFile {
    return sealRelease(manifest, artifacts, this.#stranger);
  }

  /** Correctly signed golden vectors that its model does not reproduce. */
  withWrongSelfTest(release: ReleaseFile): ReleaseFile {
    const at = release.manifest.artifacts.findIndex(({ role }) => role === 'self-test');
    const selfTest = expectOk(parseSelfTest(release.artifacts[at] ?? new Uint8Array()));
    const vectors = selfTest.vectors.map(({ inputs, outputs }) => ({
      inputs,
      outputs: flipByte(outputs, 0),
    }));
    return withSelfTest(release, { ...selfTest, vectors }, this.#tools);
  }

  #build(name: DemoModel, model: Uint8Array, sequence: number): Promise<ReleaseFile> {
    const labels = readDemoFile('labels.txt').toString('utf8').trim().split('\n');
    const pipeline = readDemoFile('pipeline.json').toString('utf8');
    return buildRelease(
      {
        model: new Uint8Array(model),
        labels,
        pipeline: (models) => parsePipelineFile(pipeline, models),
        reference: new Uint8Array(readDemoFile(name.replace('vibration-', 'reference-') + '.json')),
        slot: this.#slot,
        name,
        version: '',
        sequence,
        epoch: 0,
      },
      this.#tools,
    );
  }
}

function readDemoFile(name: string): Buffer {
  return readFileSync(new URL(import.meta.resolve(`#demo-models/${name}`)));
}

function flipByte(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at, (bytes[at] ?? 0) ^ 0x40);
}
