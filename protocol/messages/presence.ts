import { decodeJson, type JsonMap } from '../json/decode.js';
import { limits } from '../limits.js';

/** What is retained about a device being there. A pair (boot, connection) is never used twice. */
export interface PresenceMessage {
  readonly online: boolean;
  readonly boot: number;
  readonly connection: number;
}

/** Reads a presence; undefined for what is none. */
export function parsePresence(payload: Uint8Array): PresenceMessage | undefined {
  const json = decodeJson(payload, limits.deviceMessageBytes);
  if (!(json instanceof Map)) return undefined;
  const map = json as JsonMap;
  const [online, boot, connection] = [map.get('online'), map.get('boot'), map.get('connection')];
  if (typeof online !== 'boolean' || !isCount(boot) || !isCount(connection)) return undefined;
  return { online, boot, connection };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
