import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Files } from '../ports/files.js';
import { encodeVerdict } from './verdict-file.js';
import type { VerdictRecord } from './verdict-record.js';

/** A record as it lies there, with the hash of its bytes. */
export interface StoredRecord {
  readonly text: string;
  readonly hash: string;
}

/**
 * Keeps the verdicts of a rollout, one file each that never changes: the rollout names the hash of the last, and each record
 * that of the one before. A record is on disk before the rollout that names it; one that nobody names yet is written again.
 */
export class VerdictChain {
  readonly #files: Files;
  readonly #folder: string;

  /** @param salt of the rollout: another rollout of the slot has another folder */
  constructor(files: Files, keyFolder: string, slot: string, salt: string) {
    this.#files = files;
    this.#folder = path.join(keyFolder, 'rollouts', `${slot}-${salt}`);
  }

  write(record: VerdictRecord): void {
    this.#files.makeFolder(this.#folder);
    this.#files.writeDurably(this.#file(record.number), encodeVerdict(record).text);
  }

  /** The record with this number; undefined where it is gone. */
  read(number: number): StoredRecord | undefined {
    const bytes = this.#files.read(this.#file(number));
    if (bytes === undefined) return undefined;
    const hash = createHash('sha256').update(bytes).digest('hex');
    return { text: new TextDecoder().decode(bytes), hash };
  }

  #file(number: number): string {
    return path.join(this.#folder, `${String(number).padStart(4, '0')}.json`);
  }
}
