import type { Files } from '../ports/files.js';
import type { Keyring } from '../rollout/keyring.js';
import { pinKeys, readRoster } from './roster.js';

/** The keys of the roster. A key that a device names first is written down with the next save. */
export class RosterKeyring implements Keyring {
  readonly #files: Files;
  readonly #folder: string;
  #keys: ReadonlyMap<string, string> = new Map();
  #pinned = new Map<string, string>();

  /** Throws `roster-unreadable`. */
  constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
    this.#keys = this.#read();
  }

  find(deviceId: string): string | undefined {
    return this.#pinned.get(deviceId) ?? this.#keys.get(deviceId);
  }

  refresh(): boolean {
    const before = this.#keys;
    this.#keys = this.#read();
    const isSame = ([deviceId, key]: [string, string]): boolean => this.#keys.get(deviceId) === key;
    return this.#keys.size !== before.size || ![...before].every(isSame);
  }

  pin(deviceId: string, key: string): void {
    this.#pinned.set(deviceId, key);
  }

  save(): void {
    if (this.#pinned.size === 0) return;
    // Somebody may have enrolled a device meanwhile: the file is read anew, and what it knows stays.
    pinKeys(this.#files, this.#folder, this.#pinned);
    this.#pinned = new Map();
    this.#keys = this.#read();
  }

  /** Who was dismissed is still known to whoever has begun with it. */
  #read(): ReadonlyMap<string, string> {
    const keys = new Map(this.#keys);
    for (const { deviceId, key } of readRoster(this.#files, this.#folder).devices) {
      if (key === undefined) keys.delete(deviceId);
      else keys.set(deviceId, key);
    }
    return keys;
  }
}
