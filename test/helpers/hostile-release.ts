import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import type { SigningKey } from '../../agent/adapters/signing-key.js';
import { buildRelease, sealRelease } from '../../operator/release/build-release.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { Hostility } from './hostile-core.js';
import { createHostileBuilder, hostileModel } from './hostile-engine.js';

/** A release like an honest one, built and signed as every other, whose model is hostile. */
export async function buildHostileRelease(
  { manifest, artifacts }: ReleaseFile,
  hostility: Hostility,
  deadlineMs: number,
  key: SigningKey,
): Promise<ReleaseFile> {
  const bytesOf = (role: 'model' | 'labels'): Uint8Array => {
    const bytes = artifacts[manifest.artifacts.findIndex((each) => each.role === role)];
    if (bytes === undefined) throw new Error(`the release has no ${role}`);
    return bytes;
  };
  const { slot, sequence, epoch, pipeline } = manifest;
  const model = hostileModel(bytesOf('model'), hostility, sequence);
  const built = await buildRelease(
    {
      model,
      labels: new TextDecoder().decode(bytesOf('labels')).trim().split('\n'),
      pipeline: () => pipeline,
      slot,
      name: hostility,
      version: '',
      sequence,
      epoch,
    },
    {
      engine: createHostileBuilder(await compileWasmCore(), model),
      crypto: createNodeCrypto(),
      key,
    },
  );
  const budget = { ...built.manifest.budget, deadlineUs: deadlineMs * 1000 };
  return sealRelease({ ...built.manifest, budget }, built.artifacts, key);
}
