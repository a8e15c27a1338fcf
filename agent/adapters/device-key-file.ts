import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CodedError } from '../../protocol/coded-error.js';
import { writeDurably } from './durable-file.js';
import { generateSigningKey, importSigningKey, type SigningKey } from './signing-key.js';

const fileName = 'device-key.pem';

/**
 * The key of this device: made at the first start, kept in the state folder beside the record, for its owner alone. Call it
 * with the folder locked. Throws `device-key-unreadable` for a file that holds no such key: it is never replaced unasked,
 * because everybody who knows the device would take the new one for a stranger's.
 */
export function openDeviceKey(stateDir: string): SigningKey {
  const file = path.join(stateDir, fileName);
  if (!existsSync(file)) {
    const key = generateSigningKey();
    writeDurably(file, key.exportPem(), { mode: 0o600 });
    return key;
  }
  try {
    return importSigningKey(readFileSync(file, 'utf8'));
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new CodedError('device-key-unreadable', `${file}: ${detail}`);
  }
}
