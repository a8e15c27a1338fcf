import { encodeCbor } from '../cbor/encode.js';
import { Tagged } from '../cbor/value.js';
import { accept, refuse, type Result } from '../result.js';
import {
  algEd25519,
  checkType,
  headerLabel,
  mediaType,
  openHeader,
  openMessage,
  signatureBytes,
  signerOf,
  sigStructure,
  type DocumentType,
  type Signer,
} from './header.js';

/** The tag of COSE_Sign1 (RFC 9052, 4.2). */
const tag = 18;

/** A COSE_Sign1 message whose signature is not verified yet: its payload is not to be parsed. */
export interface Sign1 extends Signer {
  readonly payload: Uint8Array;
}

/**
 * Opens a COSE_Sign1 of the given type: algorithm, key id and type in the protected header, an empty
 * unprotected one, payload attached.
 */
export function openSign1(bytes: Uint8Array, type: DocumentType): Result<Sign1> {
  const message = openMessage(bytes, tag);
  if (!message.ok) return message;
  const [protectedHeader, unprotected, payload, signature] = message.value;
  const { alg, kid, typ } = headerLabel;
  const header = openHeader(protectedHeader, unprotected, [alg, kid, typ]);
  if (!header.ok) return header;
  const typed = checkType(header.value, type);
  if (!typed.ok) return typed;
  const signer = signerOf(header.value);
  if (!signer.ok) return signer;
  if (!(payload instanceof Uint8Array))
    return refuse('cose-invalid', 'the payload must be attached');
  if (!(signature instanceof Uint8Array) || signature.length !== signatureBytes) {
    return refuse('cose-invalid', `the signature must have ${signatureBytes} bytes`);
  }
  const toBeSigned = sigStructure('Signature1', protectedHeader as Uint8Array, payload);
  return accept({ kid: signer.value, toBeSigned, signature, payload });
}

/** A COSE_Sign1 that lacks its signature. */
export interface UnsignedSign1 {
  /** What Ed25519 signs. */
  readonly toBeSigned: Uint8Array;
  /** The message with this signature of it. */
  readonly seal: (signature: Uint8Array) => Uint8Array;
}

/** Makes a COSE_Sign1. `sign` gives the Ed25519 signature of the bytes. */
export function sealSign1(
  type: DocumentType,
  kid: Uint8Array,
  payload: Uint8Array,
  sign: (toBeSigned: Uint8Array) => Uint8Array,
): Uint8Array {
  const { toBeSigned, seal } = prepareSign1(type, kid, payload);
  return seal(sign(toBeSigned));
}

/** The same for whoever gets the signature later. */
export function prepareSign1(
  type: DocumentType,
  kid: Uint8Array,
  payload: Uint8Array,
): UnsignedSign1 {
  const header = encodeCbor(
    new Map<number, number | Uint8Array | string>([
      [headerLabel.alg, algEd25519],
      [headerLabel.kid, kid],
      [headerLabel.typ, mediaType(type)],
    ]),
  );
  return {
    toBeSigned: sigStructure('Signature1', header, payload),
    seal: (signature) => encodeCbor(new Tagged(tag, [header, new Map(), payload, signature])),
  };
}
