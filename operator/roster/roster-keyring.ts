import type { Files } from '../ports/files.js';
import type { Keyring } from '../rollout/keyring.js';
import { pinKeys, readRoster } from './roster.js';

/** The keys of the roster. A key that a device names first is written down with the next save. */
export class RosterKeyring implements Keyring {
  readonly #files: Files;
  readonly #folder: string;
  readonly #keys: Map<string, string>;
  #pinned = new Map<string, string>();

  /** Throws `roster-unreadable`. */
  constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
    const known = readRoster(files, folder).devices;
    this.#keys = new Map(
      known.flatMap(({ deviceId, key }) => (key === undefined ? [] : [[deviceId, key]])),
    );
  }

  find(deviceId: string): string | undefined {
    return this.#keys.get(deviceId);
  }

  pin(deviceId: string, key: string): void {
    this.#keys.set(deviceId, key);
    this.#pinned.set(deviceId, key);
  }

  save(): void {
    if (this.#pinned.size === 0) return;
    // Somebody may have enrolled a device meanwhile: the file is read anew, and what it knows stays.
    pinKeys(this.#files, this.#folder, this.#pinned);
    this.#pinned = new Map();
  }
}
