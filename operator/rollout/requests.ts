import path from 'node:path';
import type { Files } from '../ports/files.js';

/** What a person wants of a rollout whose controller is another process. */
export type RolloutRequest = 'pause' | 'resume' | 'abort' | 'promote';

const requests: readonly RolloutRequest[] = ['pause', 'resume', 'abort', 'promote'];

/** Requests lie beside the rollout until its controller has taken them. */
export class RequestBox {
  readonly #files: Files;
  readonly #folder: string;
  readonly #file: string;

  constructor(files: Files, keyFolder: string, slot: string) {
    this.#files = files;
    this.#folder = path.join(keyFolder, 'rollouts');
    this.#file = path.join(this.#folder, `${slot}.request`);
  }

  put(request: RolloutRequest): void {
    this.#files.makeFolder(this.#folder);
    this.#files.writeDurably(this.#file, request);
  }

  /** What lies there; undefined where nothing does. */
  look(): RolloutRequest | undefined {
    const bytes = this.#files.read(this.#file);
    if (bytes === undefined) return undefined;
    const text = new TextDecoder().decode(bytes);
    return requests.find((request) => request === text);
  }

  /** Called when the request was carried out. */
  clear(): void {
    this.#files.remove(this.#file);
  }
}
