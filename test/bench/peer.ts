import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Another engine for the same models (`peers/`). */
export interface Peer {
  readonly name: string;
  /**
   * Loads a model with one input; gives a function that runs one inference on its bytes. Throws where the peer cannot run it.
   *
   * @param file where the model lies: a peer that needs it in another form finds it by this name
   */
  loadPeer(model: Uint8Array, file: string): Promise<(input: Uint8Array) => void>;
}

/** The installed peer; undefined where nobody ran `npm ci` in its folder. */
export async function findPeer(): Promise<Peer | undefined> {
  return load('tfjs-tflite.js');
}

/** All peers that can run here; says which cannot. */
export async function findPeers(): Promise<readonly Peer[]> {
  const peers = [await findPeer(), await load('litertjs.js')];
  if (process.env['TINYLAMP_ONNX'] === undefined) {
    process.stderr.write(
      'onnxruntime-web is left out: TINYLAMP_ONNX names no folder of converted models (test/bench/peers/README.md)\n',
    );
  } else peers.push(await load('onnxruntime-web.js'));
  return peers.filter((peer) => peer !== undefined);
}

async function load(file: string): Promise<Peer | undefined> {
  const folder = path.resolve(import.meta.dirname, '../../../test/bench/peers');
  if (!existsSync(path.join(folder, 'node_modules'))) return undefined;
  return (await import(pathToFileURL(path.join(folder, file)).href)) as Peer;
}
