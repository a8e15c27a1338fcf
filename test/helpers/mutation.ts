import fc from 'fast-check';
import { codes } from '../../protocol/codes.js';
import { CodedError } from '../../protocol/coded-error.js';

/** What a decoder did with some bytes: gave a value, or refused them with a code. */
type Outcome = { readonly value: unknown } | { readonly code: string | undefined };

/** Edits of bytes, as faults and attackers make them. */
type Edit =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly byte: number }
  | { readonly kind: 'truncate'; readonly at: number }
  | { readonly kind: 'remove'; readonly at: number; readonly length: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'repeat'; readonly at: number; readonly length: number };

/** Places are fractions of the length, so that they stay meaningful while the bytes shrink and grow. */
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

/** Heads of CBOR that change what follows: lengths, tags, floats, indefinite items, simple values. */
const tellingByte = fc.constantFrom(
  ...[0x00, 0x17, 0x18, 0x1b, 0x20, 0x3b, 0x40, 0x5b, 0x5f, 0x60, 0x7b, 0x80, 0x9b, 0x9f],
  ...[0xa0, 0xbb, 0xbf, 0xc2, 0xd2, 0xd8, 0xf4, 0xf6, 0xf8, 0xf9, 0xfb, 0xff],
);

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: place, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('set' as const), at: place, byte: tellingByte }),
  fc.record({ kind: fc.constant('truncate' as const), at: place }),
  fc.record({
    kind: fc.constant('remove' as const),
    at: place,
    length: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: place,
    bytes: fc.uint8Array({ maxLength: 9 }),
  }),
  fc.record({
    kind: fc.constant('repeat' as const),
    at: place,
    length: fc.integer({ min: 1, max: 40 }),
  }),
);

/** Documents that were valid once, with one to four edits. */
export function mutationsOf(documents: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.constantFrom(...documents), fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([document, edits]) => edits.reduce(apply, document));
}

/**
 * The one promise of every decoder: a value, or a refusal with a code of the one table; nothing else, and
 * never an exception of the language. Refusals are results, `CodedError`s, or undefined where the decoder
 * says so little.
 */
export function assertValueOrCode(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  const outcome = outcomeOf(decode, bytes);
  if ('value' in outcome) return;
  if (outcome.code === undefined || !(outcome.code in codes)) {
    throw new Error(`${String(outcome.code)} is no code of the table`);
  }
}

function outcomeOf(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): Outcome {
  let value: unknown;
  try {
    value = decode(bytes);
  } catch (error) {
    if (error instanceof CodedError) return { code: error.code };
    throw error;
  }
  if (typeof value !== 'object' || value === null || !('ok' in value)) return { value };
  if (value.ok === true) return { value };
  return { code: (value as { rejection?: { code?: string } }).rejection?.code };
}

function apply(bytes: Uint8Array, change: Edit): Uint8Array {
  const at = Math.floor(change.at * bytes.length);
  const splice = (removed: number, inserted: Uint8Array): Uint8Array =>
    Uint8Array.from([...bytes.subarray(0, at), ...inserted, ...bytes.subarray(at + removed)]);
  switch (change.kind) {
    case 'flip':
      return bytes.length === 0 ? bytes : bytes.with(at, (bytes[at] ?? 0) ^ (1 << change.bit));
    case 'set':
      return bytes.length === 0 ? bytes : bytes.with(at, change.byte);
    case 'truncate':
      return bytes.slice(0, at);
    case 'remove':
      return splice(change.length, new Uint8Array());
    case 'insert':
      return splice(0, change.bytes);
    case 'repeat':
      return splice(0, bytes.slice(at, at + change.length));
  }
}
