/** The public keys by which devices sign, as the operator knows them. */
export interface Keyring {
  /** The key of a device, in hexadecimal; undefined where none is known yet. */
  find(deviceId: string): string | undefined;
  /** A device has named its key, and none is known: it is taken for its own from now on. */
  pin(deviceId: string, key: string): void;
  /** Writes down what was pinned since the last call. */
  save(): void;
  /** Takes note of keys that the operator has given or forgotten meanwhile; whether there were any. Throws `roster-unreadable`. */
  refresh(): boolean;
}

/** A keyring that ends with its process. */
export class TransientKeyring implements Keyring {
  readonly #keys = new Map<string, string>();
  #hasChanged = false;

  /** The next key that the device names is believed. */
  forget(deviceId: string): void {
    if (this.#keys.delete(deviceId)) this.#hasChanged = true;
  }

  refresh(): boolean {
    const hasChanged = this.#hasChanged;
    this.#hasChanged = false;
    return hasChanged;
  }

  find(deviceId: string): string | undefined {
    return this.#keys.get(deviceId);
  }

  pin(deviceId: string, key: string): void {
    this.#keys.set(deviceId, key);
  }

  save(): void {
    // Nothing outlives the process.
  }
}
