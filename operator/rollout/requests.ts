import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { writeDurably } from '../../agent/adapters/durable-file.js';

/** What a person wants of a rollout whose controller is another process. */
export type RolloutRequest = 'pause' | 'resume' | 'abort' | 'promote';

const requests: readonly RolloutRequest[] = ['pause', 'resume', 'abort', 'promote'];

/** Requests lie beside the rollout until its controller has taken them. */
export class RequestBox {
  readonly #file: string;

  constructor(keyFolder: string, slot: string) {
    const folder = path.join(keyFolder, 'rollouts');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#file = path.join(folder, `${slot}.request`);
  }

  put(request: RolloutRequest): void {
    writeDurably(this.#file, request);
  }

  /** What lies there; undefined where nothing does. */
  look(): RolloutRequest | undefined {
    try {
      const text = readFileSync(this.#file, 'utf8');
      return requests.find((request) => request === text);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Called when the request was carried out. */
  clear(): void {
    rmSync(this.#file, { force: true });
  }
}
