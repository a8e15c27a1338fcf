import { limits } from '../limits.js';

/** What JSON (RFC 8259) holds. Objects are maps, so that no name of a member means anything by itself. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonMap;

export type JsonMap = ReadonlyMap<string, JsonValue>;

/**
 * Reads one JSON text from a stranger; undefined where it is none, or where it has more than so many bytes, is
 * nested too deeply, or holds too many values. All three are counted before anything is built.
 */
export function decodeJson(bytes: Uint8Array, mostBytes: number): JsonValue | undefined {
  if (bytes.length > mostBytes || !isModest(bytes)) return undefined;
  try {
    return toValue(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch {
    return undefined;
  }
}

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const opening: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const closing: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** Whether depth and number of values are within bounds. Text that is no JSON may pass: the parser refuses it. */
function isModest(bytes: Uint8Array): boolean {
  let depth = 0;
  let values = 1;
  let inText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (inText) {
      if (byte === backslash) at++;
      else if (byte === quote) inText = false;
    } else if (byte === quote) {
      inText = true;
    } else if (byte === comma) {
      values++;
    } else if (opening.has(byte)) {
      values++;
      if (++depth > limits.jsonDepth) return false;
    } else if (closing.has(byte)) {
      depth--;
    }
    if (values > limits.jsonValues) return false;
  }
  return true;
}

function toValue(json: unknown): JsonValue {
  if (Array.isArray(json)) return json.map(toValue);
  if (typeof json !== 'object' || json === null) return json as JsonValue;
  return new Map(Object.entries(json).map(([name, value]) => [name, toValue(value)]));
}
