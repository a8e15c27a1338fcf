/**
 * What signed documents are made of: the part of CBOR (RFC 8949) that has one spelling for each value.
 * Numbers are integers where they are safe integers, and floats otherwise; there are no big numbers.
 */
export type CborValue =
  number | string | boolean | null | Uint8Array | readonly CborValue[] | CborMap | Tagged;

/** Keys are integers or texts. */
export type CborMap = ReadonlyMap<number | string, CborValue>;

/** A tagged item (RFC 8949, 3.4). */
export class Tagged {
  readonly tag: number;
  readonly value: CborValue;

  constructor(tag: number, value: CborValue) {
    this.tag = tag;
    this.value = value;
  }
}
