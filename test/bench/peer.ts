import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Another engine for the same models (`peers/`). */
export interface Peer {
  readonly name: string;
  /** Loads a model with one input; gives a function that runs one inference on its bytes. */
  loadPeer(model: Uint8Array): Promise<(input: Uint8Array) => void>;
}

/** The installed peer; undefined where nobody ran `npm ci` in its folder. */
export async function findPeer(): Promise<Peer | undefined> {
  const folder = path.resolve(import.meta.dirname, '../../../test/bench/peers');
  if (!existsSync(path.join(folder, 'node_modules'))) return undefined;
  return (await import(pathToFileURL(path.join(folder, 'tfjs-tflite.js')).href)) as Peer;
}
