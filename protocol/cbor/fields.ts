import { limits } from '../limits.js';
import { accept, refuse, type Result } from '../result.js';
import { decodeCbor } from './decode.js';
import type { CborMap, CborValue } from './value.js';

/** Least and greatest value, or length, that is allowed. */
export type Bounds = readonly [least: number, most: number];

/**
 * Decodes a document and reads its fields into a type that cannot be wrong. Refuses with
 * `document-invalid`, naming the path of the field, or with what the decoder said.
 */
export function parseFields<T>(
  bytes: Uint8Array,
  name: string,
  read: (fields: Fields) => T,
  items: number = limits.cborItems,
): Result<T> {
  const decoded = decodeCbor(bytes, items);
  if (!decoded.ok) return refuse(decoded.rejection.code, `${name}: ${decoded.rejection.detail}`);
  try {
    return accept(Fields.read(decoded.value, name, read));
  } catch (error) {
    if (error instanceof FieldRefused) return refuse('document-invalid', error.message);
    throw error;
  }
}

/** Leaves the readers; never seen outside {@link parseFields}. */
class FieldRefused extends Error {}

/** The fields of a map. Whoever reads one map reads all of it: a positive key that nobody asked for is refused. */
export class Fields {
  readonly #map: CborMap;
  readonly #path: string;
  readonly #read = new Set<number>();

  private constructor(map: CborMap, path: string) {
    this.#map = map;
    this.#path = path;
  }

  /** Reads a map whole. */
  static read<T>(value: CborValue, path: string, read: (fields: Fields) => T): T {
    if (!(value instanceof Map)) throw new FieldRefused(`${path} must be a map`);
    const fields = new Fields(value as CborMap, path);
    const result = read(fields);
    for (const key of fields.#map.keys()) {
      // Negative keys are private extensions; whatever else is unknown may be critical.
      if (typeof key === 'number' && (key < 0 || fields.#read.has(key))) continue;
      throw new FieldRefused(`${path} has the unknown key ${JSON.stringify(key)}`);
    }
    return result;
  }

  /** Reads a field that may be absent. */
  optional<T>(key: number, read: () => T): T | undefined {
    return this.#map.has(key) ? read() : undefined;
  }

  integer(key: number, [least, most]: Bounds): number {
    const value = this.number(key);
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      this.#refuse(key, `must be an integer from ${least} to ${most}, not ${value}`);
    }
    return value;
  }

  /** A finite number, spelled as integer or float. */
  number(key: number): number {
    const value = this.#value(key);
    if (typeof value !== 'number' || !Number.isFinite(value)) this.#refuse(key, 'must be a number');
    return value;
  }

  text(key: number, [least, most]: Bounds, pattern?: RegExp): string {
    return checkText(this.#value(key), [least, most], pattern, this.#at(key));
  }

  bytes(key: number, [least, most]: Bounds): Uint8Array {
    return checkBytes(this.#value(key), [least, most], this.#at(key));
  }

  /** One of a row of names, carried as its index. */
  choice<T>(key: number, choices: readonly T[]): T {
    const choice = choices[this.integer(key, [0, choices.length - 1])];
    if (choice === undefined) this.#refuse(key, 'is unknown');
    return choice;
  }

  /** A field with a reader of its own, which gets the value with its path. */
  value<T>(key: number, read: (value: CborValue, path: string) => T): T {
    return read(this.#value(key), this.#at(key));
  }

  map<T>(key: number, read: (fields: Fields) => T): T {
    return Fields.read(this.#value(key), this.#at(key), read);
  }

  /** A list; `read` gets each item with its path. */
  list<T>(key: number, bounds: Bounds, read: (item: CborValue, path: string) => T): readonly T[] {
    const path = this.#at(key);
    return checkList(this.#value(key), bounds, path).map((item, i) => read(item, `${path}[${i}]`));
  }

  /** A map from names to values. */
  table<T>(
    key: number,
    pattern: RegExp,
    read: (value: CborValue, path: string) => T,
  ): ReadonlyMap<string, T> {
    const value = this.#value(key);
    if (!(value instanceof Map)) this.#refuse(key, 'must be a map');
    const table = new Map<string, T>();
    for (const [name, item] of value as CborMap) {
      if (typeof name !== 'string' || !pattern.test(name)) {
        this.#refuse(key, `has the impossible name ${JSON.stringify(name)}`);
      }
      table.set(name, read(item, `${this.#at(key)}.${name}`));
    }
    return table;
  }

  #value(key: number): CborValue {
    this.#read.add(key);
    const value = this.#map.get(key);
    if (value === undefined) return this.#refuse(key, 'is missing');
    return value;
  }

  #at(key: number): string {
    return `${this.#path}.${key}`;
  }

  #refuse(key: number, what: string): never {
    throw new FieldRefused(`${this.#at(key)} ${what}`);
  }
}

/** An array with so many items. */
export function checkList(
  value: CborValue | undefined,
  [least, most]: Bounds,
  path: string,
): readonly CborValue[] {
  if (!Array.isArray(value)) throw new FieldRefused(`${path} must be an array`);
  const items = value as readonly CborValue[];
  if (items.length < least || items.length > most) {
    throw new FieldRefused(`${path} must have ${least} to ${most} items, not ${items.length}`);
  }
  return items;
}

/** A text of so many UTF-16 units. */
export function checkText(
  value: CborValue | undefined,
  [least, most]: Bounds,
  pattern: RegExp | undefined,
  path: string,
): string {
  if (typeof value !== 'string') throw new FieldRefused(`${path} must be a text`);
  if (value.length < least || value.length > most || pattern?.test(value) === false) {
    throw new FieldRefused(`${path} ${JSON.stringify(value.slice(0, 80))} is not allowed`);
  }
  return value;
}

/** A byte string of so many bytes. */
export function checkBytes(
  value: CborValue | undefined,
  [least, most]: Bounds,
  path: string,
): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new FieldRefused(`${path} must be a byte string`);
  if (value.length < least || value.length > most) {
    throw new FieldRefused(`${path} must have ${least} to ${most} bytes, not ${value.length}`);
  }
  return value;
}

/** An integer within bounds. */
export function checkInteger(
  value: CborValue | undefined,
  [least, most]: Bounds,
  path: string,
): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new FieldRefused(`${path} must be an integer from ${least} to ${most}`);
  }
  return value;
}

/** Refuses a document for a reason that no single field shows. */
export function refuseField(path: string, what: string): never {
  throw new FieldRefused(`${path} ${what}`);
}
