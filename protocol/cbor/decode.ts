import { limits } from '../limits.js';
import { accept, refuse, type Result } from '../result.js';
import { compareBytes, encodeFloat } from './encode.js';
import { Tagged, type CborValue } from './value.js';

/**
 * Decodes one item of deterministic CBOR (RFC 8949, 4.2.1) and nothing behind it. Whatever has a second
 * spelling is refused: indefinite lengths, long heads, unsorted or repeated keys, long floats, wrong
 * UTF-8, integers that are not safe, simple values besides false, true and null. Depth and number of
 * items are bounded, and no length is believed before that many bytes are there.
 *
 * Tags are kept as they are: which of them may stand where is the reader's to say.
 */
export function decodeCbor(bytes: Uint8Array, items: number = limits.cborItems): Result<CborValue> {
  return read(bytes, { deterministic: true, items });
}

/**
 * Decodes one item of plain CBOR, such as devices report in, and nothing behind it. Other spellings of the
 * same value are welcome: long heads, keys in any order, long floats, and undefined for null. All other
 * bounds are those of {@link decodeCbor}; a key that is repeated is refused, since readers would differ
 * about it.
 */
export function decodePlainCbor(bytes: Uint8Array): Result<CborValue> {
  return read(bytes, { deterministic: false, items: limits.plainCborItems });
}

interface Rules {
  /** Whether each value has one spelling. */
  readonly deterministic: boolean;
  readonly items: number;
}

function read(bytes: Uint8Array, rules: Rules): Result<CborValue> {
  try {
    const reader = new Reader(bytes, rules);
    const value = reader.item(0);
    reader.end();
    return accept(value);
  } catch (error) {
    if (error instanceof Refused) return refuse(error.code, error.detail);
    throw error;
  }
}

type Reason = 'cbor-truncated' | 'cbor-not-deterministic' | 'cbor-unsupported' | 'cbor-too-large';

/** Leaves the recursion; never seen outside this file. */
class Refused extends Error {
  readonly code: Reason;
  readonly detail: string;

  constructor(code: Reason, detail: string) {
    super(code);
    this.code = code;
    this.detail = detail;
  }
}

/** Cannot read past the end of its bytes. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #rules: Rules;
  #at = 0;
  #items = 0;

  constructor(bytes: Uint8Array, rules: Rules) {
    this.#bytes = bytes;
    this.#rules = rules;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  end(): void {
    const rest = this.#bytes.length - this.#at;
    if (rest > 0) this.#refuse('cbor-not-deterministic', `${rest} bytes behind the end`);
  }

  item(depth: number): CborValue {
    if (depth > limits.cborDepth) this.#refuse('cbor-too-large', `deeper than ${limits.cborDepth}`);
    if (++this.#items > this.#rules.items) {
      this.#refuse('cbor-too-large', `more than ${this.#rules.items} items`);
    }
    const initial = this.#take(1)[0] ?? 0;
    const major = initial >> 5;
    const info = initial & 0x1f;
    if (major === 7) return this.#simple(info);
    const argument = this.#argument(info);
    switch (major) {
      case 0:
        return argument;
      case 1:
        // The least safe integer is -(2^53 - 1), which is spelled as the argument 2^53 - 2.
        if (argument === Number.MAX_SAFE_INTEGER) {
          this.#refuse('cbor-unsupported', 'a negative integer is not safe');
        }
        return -1 - argument;
      case 2:
        return this.#take(argument).slice();
      case 3:
        return this.#text(argument);
      case 4:
        return this.#array(argument, depth);
      case 5:
        return this.#map(argument, depth);
      default:
        return new Tagged(argument, this.item(depth + 1));
    }
  }

  #simple(info: number): CborValue {
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 23:
        if (!this.#rules.deterministic) return null;
        return this.#refuse('cbor-unsupported', 'undefined');
      case 25:
        return this.#float(2);
      case 26:
        return this.#float(4);
      case 27:
        return this.#float(8);
      default:
        return this.#refuse('cbor-unsupported', `simple value ${info}`);
    }
  }

  #float(length: 2 | 4 | 8): number {
    const start = this.#at - 1;
    const at = this.#at;
    this.#take(length);
    const value =
      length === 8
        ? this.#view.getFloat64(at)
        : length === 4
          ? this.#view.getFloat32(at)
          : fromFloat16(this.#view.getUint16(at));
    if (!this.#rules.deterministic) return value;
    const spelled = this.#bytes.subarray(start, this.#at);
    if (compareBytes(encodeFloat(value), spelled) !== 0) {
      this.#refuse('cbor-not-deterministic', `the float ${value} has a shorter spelling`);
    }
    // An integer is spelled as one, so that each value has one spelling.
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      this.#refuse('cbor-not-deterministic', `the integer ${value} is spelled as a float`);
    }
    return value;
  }

  #text(length: number): string {
    const bytes = this.#take(length);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return this.#refuse('cbor-not-deterministic', 'a text is not UTF-8');
    }
  }

  #array(length: number, depth: number): CborValue[] {
    // Each item has at least one byte: a length beyond the rest is a lie, found before room is taken.
    this.#need(length);
    const items: CborValue[] = [];
    for (let i = 0; i < length; i++) items.push(this.item(depth + 1));
    return items;
  }

  #map(length: number, depth: number): Map<number | string, CborValue> {
    this.#need(2 * length);
    const map = new Map<number | string, CborValue>();
    let before: Uint8Array | undefined;
    for (let i = 0; i < length; i++) {
      const start = this.#at;
      const key = this.item(depth + 1);
      if ((typeof key !== 'number' || !Number.isInteger(key)) && typeof key !== 'string') {
        return this.#refuse('cbor-unsupported', 'a key is neither integer nor text');
      }
      if (map.has(key)) this.#refuse('cbor-not-deterministic', `the key ${key} is repeated`);
      const spelled = this.#bytes.subarray(start, this.#at);
      if (this.#rules.deterministic && before && compareBytes(before, spelled) >= 0) {
        this.#refuse('cbor-not-deterministic', `the key ${key} is out of order`);
      }
      before = spelled;
      map.set(key, this.item(depth + 1));
    }
    return map;
  }

  /** The argument of a head; lengths and integers alike. */
  #argument(info: number): number {
    if (info < 24) return info;
    const at = this.#at;
    switch (info) {
      case 24:
        return this.#shortest(this.#take(1)[0] ?? 0, 24);
      case 25:
        this.#take(2);
        return this.#shortest(this.#view.getUint16(at), 0x100);
      case 26:
        this.#take(4);
        return this.#shortest(this.#view.getUint32(at), 0x10000);
      case 27: {
        this.#take(8);
        const value = this.#view.getBigUint64(at);
        if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
          this.#refuse('cbor-unsupported', `the integer ${value} is not safe`);
        }
        return this.#shortest(Number(value), 0x100000000);
      }
      default:
        return this.#refuse(
          info === 31 ? 'cbor-not-deterministic' : 'cbor-unsupported',
          info === 31 ? 'an indefinite length' : `additional information ${info}`,
        );
    }
  }

  #shortest(argument: number, least: number): number {
    if (this.#rules.deterministic && argument < least) {
      this.#refuse('cbor-not-deterministic', 'a head is longer than it must be');
    }
    return argument;
  }

  #take(length: number): Uint8Array {
    this.#need(length);
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  #need(length: number): void {
    if (length > this.#bytes.length - this.#at) {
      this.#refuse('cbor-truncated', `${length} bytes are announced`);
    }
  }

  #refuse(code: Reason, what: string): never {
    throw new Refused(code, `${what}, at byte ${this.#at}`);
  }
}

function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}
