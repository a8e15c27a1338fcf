import path from 'node:path';
import { CodedError } from '../../protocol/coded-error.js';
import type { Files } from '../ports/files.js';
import { parseRolloutFile } from './rollout-file.js';
import { isOver, type Rollout } from './rollout.js';
import { VerdictChain } from './verdict-chain.js';

/**
 * Keeps the rollout of each slot in the key folder: one file, replaced as a whole. The controller and the
 * commands that pause, abort or promote are different processes and meet here.
 */
export class RolloutStore {
  readonly #files: Files;
  readonly #keyFolder: string;
  readonly #folder: string;

  constructor(files: Files, keyFolder: string) {
    this.#files = files;
    this.#keyFolder = keyFolder;
    this.#folder = path.join(keyFolder, 'rollouts');
  }

  /**
   * The rollout of a slot; undefined where there was none yet. Throws `rollout-unreadable`, with the name of the
   * file, where it is torn, of another version, or edited by hand to what no rollout is.
   */
  find(slot: string): Rollout | undefined {
    const file = this.#file(slot);
    try {
      const bytes = this.#files.read(file);
      return bytes && parseRolloutFile(new TextDecoder().decode(bytes), slot);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      throw new CodedError('rollout-unreadable', `${file}: ${detail}`);
    }
  }

  /** The same; throws `rollout-missing` where there was none. */
  read(slot: string): Rollout {
    const rollout = this.find(slot);
    if (rollout === undefined) throw new CodedError('rollout-missing', `slot ${slot} has none`);
    return rollout;
  }

  /** Throws `rollout-exists` where the slot has a rollout that is not over. */
  refuseOpen(slot: string): void {
    const rollout = this.find(slot);
    if (rollout === undefined || isOver(rollout)) return;
    const { challenger, status } = rollout;
    throw new CodedError('rollout-exists', `release ${challenger.sequence} of ${slot}, ${status}`);
  }

  write(rollout: Rollout): void {
    this.#files.makeFolder(this.#folder);
    this.#files.writeDurably(
      this.#file(rollout.slot),
      `${JSON.stringify(rollout, undefined, 2)}\n`,
    );
  }

  /** Where the verdicts of a rollout are kept. */
  chainOf({ slot, salt }: Pick<Rollout, 'slot' | 'salt'>): VerdictChain {
    return new VerdictChain(this.#files, this.#keyFolder, slot, salt);
  }

  /** The folder whose lock has whoever decides what a slot runs. */
  lockFolderOf(slot: string): string {
    return path.join(this.#folder, `${slot}.lock`);
  }

  #file(slot: string): string {
    return path.join(this.#folder, `${slot}.json`);
  }
}
