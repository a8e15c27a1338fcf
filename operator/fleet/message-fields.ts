import { decodePlainCbor } from '../../protocol/cbor/decode.js';
import type { CborMap, CborValue } from '../../protocol/cbor/value.js';
import { decodeJson } from '../../protocol/json/decode.js';
import { limits } from '../../protocol/limits.js';

/** Counts of one message: so small that years of them add up exactly. */
const mostCount = 2 ** 40;

/** The last instant that a Date can hold, in milliseconds since the epoch. */
const lastMs = 8.64e15;

/** Words for people, such as reasons; longer ones are cut. */
const wordsLength = 512;

/**
 * Reads a message of a device that is JSON: from strangers, of bounded size, with an object at its root.
 * Undefined where `parse` meets what should not be there.
 */
export function readJson<T>(
  payload: Uint8Array,
  parse: (fields: MessageFields) => T,
): T | undefined {
  return parseFields(decodeJson(payload, limits.deviceMessageBytes), parse);
}

/** The same for a message that is plain CBOR. */
export function readCbor<T>(
  payload: Uint8Array,
  parse: (fields: MessageFields) => T,
): T | undefined {
  if (payload.length > limits.deviceMessageBytes) return undefined;
  const decoded = decodePlainCbor(payload);
  return decoded.ok ? parseFields(decoded.value, parse) : undefined;
}

function parseFields<T>(
  value: CborValue | undefined,
  parse: (fields: MessageFields) => T,
): T | undefined {
  try {
    return parse(new MessageFields(value));
  } catch (error) {
    if (error instanceof WrongShape) return undefined;
    throw error;
  }
}

/** Leaves the parser; never seen outside this file. */
class WrongShape extends Error {}

/** The fields of one map. Those that nobody asks for are ignored: newer agents may say more. */
export class MessageFields {
  readonly #map: CborMap;

  constructor(value: CborValue | undefined) {
    if (!(value instanceof Map)) throw new WrongShape();
    this.#map = value as CborMap;
  }

  /** A whole number from 0. */
  count(name: string): number {
    return checkedCount(this.#map.get(name));
  }

  counts(name: string, most: number): readonly number[] {
    return this.#list(name, most).map(checkedCount);
  }

  /** A number that identifies, such as a sequence number: whole and safe. */
  number(name: string): number {
    const value = this.#map.get(name);
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw new WrongShape();
    return value as number;
  }

  optionalNumber(name: string): number | undefined {
    return this.#has(name) ? this.number(name) : undefined;
  }

  /** Milliseconds since the epoch. */
  instant(name: string): number {
    const value = this.#map.get(name);
    if (typeof value !== 'number' || !(value >= 0 && value <= lastMs)) throw new WrongShape();
    return value;
  }

  /** A text that a program reads. */
  text(name: string, pattern: RegExp): string {
    const value = this.#map.get(name);
    if (typeof value !== 'string' || !pattern.test(value)) throw new WrongShape();
    return value;
  }

  optionalText(name: string, pattern: RegExp): string | undefined {
    return this.#has(name) ? this.text(name, pattern) : undefined;
  }

  /** A text for people, cut, and without what could lead a terminal astray. */
  optionalWords(name: string): string | undefined {
    if (!this.#has(name)) return undefined;
    const value = this.#map.get(name);
    if (typeof value !== 'string') throw new WrongShape();
    return value.slice(0, wordsLength).replace(/\p{C}/gu, '?');
  }

  /** What `parse` makes of each map in a list. */
  list<T>(name: string, most: number, parse: (fields: MessageFields) => T): readonly T[] {
    return this.#list(name, most).map((item) => parse(new MessageFields(item)));
  }

  /** Maps by name. */
  maps(name: string, pattern: RegExp, most: number): readonly (readonly [string, MessageFields])[] {
    return this.#entries(name, pattern, most).map(
      ([key, value]) => [key, new MessageFields(value)] as const,
    );
  }

  /** Counts by name. */
  countsByName(name: string, pattern: RegExp, most: number): Readonly<Record<string, number>> {
    const entries = this.#entries(name, pattern, most);
    return Object.fromEntries(entries.map(([key, value]) => [key, checkedCount(value)]));
  }

  /** None where the device does not count them. */
  optionalCountsByName(
    name: string,
    pattern: RegExp,
    most: number,
  ): Readonly<Record<string, number>> {
    return this.#has(name) ? this.countsByName(name, pattern, most) : {};
  }

  /** Texts by name. */
  textsByName(
    name: string,
    patterns: { readonly name: RegExp; readonly value: RegExp },
    most: number,
  ): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.#entries(name, patterns.name, most).map(([key, value]) => {
        if (typeof value !== 'string' || !patterns.value.test(value)) throw new WrongShape();
        return [key, value];
      }),
    );
  }

  /** Ends the reading where what was read contradicts itself. */
  check(holds: boolean): void {
    if (!holds) throw new WrongShape();
  }

  #has(name: string): boolean {
    const value = this.#map.get(name);
    return value !== undefined && value !== null;
  }

  #list(name: string, most: number): readonly CborValue[] {
    const value = this.#map.get(name);
    if (!Array.isArray(value) || value.length > most) throw new WrongShape();
    return value as readonly CborValue[];
  }

  #entries(name: string, pattern: RegExp, most: number): readonly (readonly [string, CborValue])[] {
    const value = this.#map.get(name);
    if (!(value instanceof Map) || value.size > most) throw new WrongShape();
    return [...(value as CborMap)].map(([key, each]) => {
      if (typeof key !== 'string' || !pattern.test(key)) throw new WrongShape();
      return [key, each] as const;
    });
  }
}

function checkedCount(value: CborValue | undefined): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > mostCount) {
    throw new WrongShape();
  }
  return value;
}
