import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { CodedError } from '../../protocol/coded-error.js';
import type { CapturedWindow } from '../../protocol/messages/captured-window.js';
import { csvLine } from './csv.js';
import { encodeNpy } from './npy.js';

const columns = [
  ...['file', 'device', 'boot', 'window', 'time', 'champion', 'champion_score'],
  ...['challenger', 'challenger_score', 'label', 'frames', 'channels'],
] as const;

/**
 * A folder of windows for training: each in a file of its own, and `index.csv`. It gets its name when all of it is written, so
 * that half of one is never taken for a whole.
 */
export class DataSet {
  readonly #folder: string;
  readonly #unfinished: string;
  #index = csvLine(columns);
  #windows = 0;

  /** Throws `folder-used` where the folder holds something already. */
  constructor(folder: string) {
    if (existsSync(folder) && readdirSync(folder).length > 0) {
      throw new CodedError('folder-used', `${folder} is not empty`);
    }
    this.#folder = path.resolve(folder);
    mkdirSync(path.dirname(this.#folder), { recursive: true });
    this.#unfinished = mkdtempSync(`${this.#folder}.unfinished-`);
  }

  get windows(): number {
    return this.#windows;
  }

  add(deviceId: string, { entry, truth, frames, channels, samples }: CapturedWindow): void {
    const { boot, window, t, champion, challenger } = entry;
    const file = `${deviceId}-${boot}-${window}.npy`;
    const bytes = encodeNpy(samples, { frames, channels });
    writeFileSync(path.join(this.#unfinished, file), bytes, { flush: true });
    this.#index += csvLine([
      ...[file, deviceId, boot, window, timeOf(t)],
      ...[champion.label, scoreOf(champion.scorePermille)],
      ...[challenger.label, scoreOf(challenger.scorePermille)],
      ...[truth, frames, channels],
    ]);
    this.#windows++;
  }

  /** Gives the folder its name. Throws `folder-used` where somebody else has filled it meanwhile. */
  finish(): void {
    writeFileSync(path.join(this.#unfinished, 'index.csv'), this.#index, { flush: true });
    try {
      renameSync(this.#unfinished, this.#folder);
    } catch (error) {
      throw new CodedError('folder-used', error instanceof Error ? error.message : String(error));
    }
  }

  /** Removes what was written, where it is not finished. */
  discard(): void {
    rmSync(this.#unfinished, { recursive: true, force: true });
  }
}

/** A clock may show what no date can. */
function timeOf(wallMs: number): string {
  return Math.abs(wallMs) <= 8.64e15 ? new Date(wallMs).toISOString() : String(wallMs);
}

function scoreOf(permille: number | undefined): number | undefined {
  return permille === undefined ? undefined : permille / 1000;
}
