import { decodeCbor } from '../cbor/decode.js';
import type { CborMap } from '../cbor/value.js';

/** What is retained about a device being there. A pair (boot, connection) is never used twice. */
export interface PresenceMessage {
  readonly online: boolean;
  readonly boot: number;
  readonly connection: number;
}

/** Reads a presence; undefined for what is none. */
export function parsePresence(payload: Uint8Array): PresenceMessage | undefined {
  const decoded = decodeCbor(payload);
  if (!decoded.ok || !(decoded.value instanceof Map)) return undefined;
  const map = decoded.value as CborMap;
  const [online, boot, connection] = [map.get('online'), map.get('boot'), map.get('connection')];
  if (typeof online !== 'boolean' || typeof boot !== 'number' || typeof connection !== 'number') {
    return undefined;
  }
  return { online, boot, connection };
}
