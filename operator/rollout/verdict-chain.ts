import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { writeDurably } from '../../agent/adapters/durable-file.js';
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
  readonly #folder: string;

  /** @param salt of the rollout: another rollout of the slot has another folder */
  constructor(keyFolder: string, slot: string, salt: string) {
    this.#folder = path.join(keyFolder, 'rollouts', `${slot}-${salt}`);
  }

  write(record: VerdictRecord): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    writeDurably(this.#file(record.number), encodeVerdict(record).text);
  }

  /** The record with this number; undefined where it is gone. */
  read(number: number): StoredRecord | undefined {
    const file = this.#file(number);
    if (!existsSync(file)) return undefined;
    const text = readFileSync(file, 'utf8');
    return { text, hash: createHash('sha256').update(text).digest('hex') };
  }

  #file(number: number): string {
    return path.join(this.#folder, `${String(number).padStart(4, '0')}.json`);
  }
}
