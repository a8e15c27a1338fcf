import type { Crypto } from '../../agent/ports/crypto.js';
import { expectOk } from '../../protocol/coded-error.js';
import { findSigner, type Role } from '../../protocol/documents/keyset.js';
import type { Topics } from '../../protocol/topics.js';
import type { Exclusively } from '../keys/folder-turn.js';
import type { KeyFolder } from '../keys/key-folder.js';
import type { RandomBytes } from '../ports/random-bytes.js';
import { readKeyset } from '../release/verify-release.js';
import type { BrokerClient } from './broker-client.js';

/** What it takes to sign and publish documents. */
export interface PublishTools {
  readonly client: BrokerClient;
  readonly topics: Topics;
  readonly keys: KeyFolder;
  /** Keeps others who publish with the same keys waiting. */
  readonly exclusively: Exclusively;
  readonly crypto: Crypto;
  readonly wallMs: number;
  /** Bytes for salts. */
  readonly randomBytes: RandomBytes;
  /** Called with what was published so far. */
  readonly progress: (message: string) => void;
  /** Called with what the person must know: what the broker did not show as it was published. */
  readonly notice: (message: string) => void;
  /** Goes on where the broker shows newer documents that these keys have signed; for a person to decide. */
  readonly takeOver?: boolean;
}

/**
 * Whoever publishes signs the beacon too, of which there is one a prefix: without its role, nothing is sent. Throws
 * `key-role-mismatch`. Whether the keyset has expired is for devices to say, by their own clocks.
 */
export function requireRoles({ keys }: PublishTools, slot: string | undefined): void {
  const keyset = readKeyset(keys.keyset);
  const require = (role: Role, of?: string): void => {
    expectOk(findSigner(keyset, keys.key.kid, { role, slot: of, wallMs: 0 }));
  };
  if (slot !== undefined) require('policy', slot);
  require('beacon');
}
