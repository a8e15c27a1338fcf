import type { Crypto } from '../../agent/ports/crypto.js';
import { toHex } from '../../protocol/bytes.js';

/** Below this a copy costs less than finding another one. */
const leastBytes = 256;

/** More than a fleet has of releases: what is beyond is not shared. */
const mostContents = 1_000;

/** What many disks hold, once for all of them: files are never changed in their place. */
export class SharedContents {
  readonly #crypto: Pick<Crypto, 'sha256'>;
  readonly #contents = new Map<string, Uint8Array>();

  constructor(crypto: Pick<Crypto, 'sha256'>) {
    this.#crypto = crypto;
  }

  /** The same bytes, as they are held for all. */
  share(bytes: Uint8Array): Uint8Array {
    if (bytes.length < leastBytes) return bytes;
    const digest = toHex(this.#crypto.sha256(bytes));
    const known = this.#contents.get(digest);
    if (known !== undefined) return known;
    if (this.#contents.size < mostContents) this.#contents.set(digest, bytes);
    return bytes;
  }
}
