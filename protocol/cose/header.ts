import { decodeCbor } from '../cbor/decode.js';
import { encodeCbor } from '../cbor/encode.js';
import { Tagged, type CborMap, type CborValue } from '../cbor/value.js';
import { limits } from '../limits.js';
import { accept, refuse, type Result } from '../result.js';

/** Header labels (RFC 9052, 3.1; RFC 9596 for typ). */
export const headerLabel = { alg: 1, kid: 4, typ: 16 } as const;

/** Ed25519, fully specified (RFC 9864). */
export const algEd25519 = -19;

/** Key ids are the first bytes of a thumbprint (RFC 9679). */
export const kidBytes = 8;

/** Signatures of Ed25519 have 64 bytes (RFC 8032, 5.1.6). */
export const signatureBytes = 64;

/** What a signature says of itself; all of it is protected. */
export interface Signer {
  readonly kid: Uint8Array;
  /** What Ed25519 signs: the Sig_structure (RFC 9052, 4.4), over the bytes as carried. */
  readonly toBeSigned: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * The types of what is signed (typ, RFC 9596): a signature on one never passes as another. Documents and commands are
 * signed by keys of the keyset, the others by the key of a device.
 */
export type DocumentType =
  | 'keyset'
  | 'manifest'
  | 'policy'
  | 'beacon'
  | 'command'
  | 'evidence'
  | 'disagreements'
  | 'response';

/** The media type of a document. */
export function mediaType(type: DocumentType): string {
  return `application/vnd.tinylamp.${type}+cbor`;
}

/** Decodes a COSE message: the expected tag around an array of four. Nothing within is believed yet. */
export function openMessage(bytes: Uint8Array, tag: number): Result<readonly CborValue[]> {
  if (bytes.length > limits.envelopeBytes) {
    return refuse('document-too-large', `${bytes.length} bytes, at most ${limits.envelopeBytes}`);
  }
  const decoded = decodeCbor(bytes);
  if (!decoded.ok) return decoded;
  const message = decoded.value;
  if (!(message instanceof Tagged) || message.tag !== tag) {
    return refuse('cose-invalid', `the message must have tag ${tag}`);
  }
  if (!Array.isArray(message.value) || message.value.length !== 4) {
    return refuse('cose-invalid', 'the message must be an array of four items');
  }
  return accept(message.value as readonly CborValue[]);
}

/** Decodes a protected header that holds exactly the given labels, beside an empty unprotected one. */
export function openHeader(
  protectedHeader: CborValue | undefined,
  unprotected: CborValue | undefined,
  labels: readonly number[],
): Result<CborMap> {
  if (!(unprotected instanceof Map) || (unprotected as CborMap).size > 0) {
    return refuse('cose-invalid', 'the unprotected header must be empty');
  }
  if (!(protectedHeader instanceof Uint8Array)) {
    return refuse('cose-invalid', 'the protected header must be a byte string');
  }
  const decoded = decodeCbor(protectedHeader);
  if (!decoded.ok) return decoded;
  const header = decoded.value;
  if (!(header instanceof Map)) return refuse('cose-invalid', 'the protected header must be a map');
  const map = header as CborMap;
  if (map.size !== labels.length || !labels.every((label) => map.has(label))) {
    return refuse('cose-invalid', `the protected header must hold ${labels.join(', ')} alone`);
  }
  return accept(map);
}

/** The key id of a header whose algorithm is the one that is allowed. */
export function signerOf(header: CborMap): Result<Uint8Array> {
  const alg = header.get(headerLabel.alg);
  if (alg !== algEd25519) {
    return refuse(
      'algorithm-unsupported',
      `algorithm ${JSON.stringify(alg)}; allowed: ${algEd25519}`,
    );
  }
  const kid = header.get(headerLabel.kid);
  if (!(kid instanceof Uint8Array) || kid.length !== kidBytes) {
    return refuse('cose-invalid', `the key id must have ${kidBytes} bytes`);
  }
  return accept(kid);
}

/** Refuses a document that was signed as something else. */
export function checkType(header: CborMap, type: DocumentType): Result<void> {
  const typ = header.get(headerLabel.typ);
  if (typ === mediaType(type)) return accept(undefined);
  return refuse(
    'document-type-mismatch',
    `signed as ${JSON.stringify(typ)}, expected ${mediaType(type)}`,
  );
}

/** The bytes that are signed (RFC 9052, 4.4), with empty external data. */
export function sigStructure(
  context: 'Signature1' | 'Signature',
  ...parts: readonly Uint8Array[]
): Uint8Array {
  const payload = parts.at(-1) ?? new Uint8Array();
  return encodeCbor([context, ...parts.slice(0, -1), new Uint8Array(), payload]);
}
