import { encodeCbor } from '../cbor/encode.js';
import { Tagged, type CborValue } from '../cbor/value.js';
import { toHex } from '../bytes.js';
import { limits } from '../limits.js';
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

/** The tag of COSE_Sign (RFC 9052, 4.1). */
const tag = 98;

/** A COSE_Sign message: one payload, several signatures, none verified yet. */
export interface Sign {
  readonly payload: Uint8Array;
  /** No two of the same key. */
  readonly signers: readonly Signer[];
}

/** Opens a COSE_Sign of the given type. The type is in the body's header, algorithm and key id in each signer's. */
export function openSign(bytes: Uint8Array, type: DocumentType): Result<Sign> {
  const message = openMessage(bytes, tag);
  if (!message.ok) return message;
  const [bodyHeader, unprotected, payload, signatures] = message.value;
  const header = openHeader(bodyHeader, unprotected, [headerLabel.typ]);
  if (!header.ok) return header;
  const typed = checkType(header.value, type);
  if (!typed.ok) return typed;
  if (!(payload instanceof Uint8Array))
    return refuse('cose-invalid', 'the payload must be attached');
  if (
    !Array.isArray(signatures) ||
    signatures.length < 1 ||
    signatures.length > limits.signatures
  ) {
    return refuse('cose-invalid', `there must be 1 to ${limits.signatures} signatures`);
  }
  const signers: Signer[] = [];
  const seen = new Set<string>();
  for (const item of signatures as readonly CborValue[]) {
    const signer = openSigner(item, bodyHeader as Uint8Array, payload);
    if (!signer.ok) return signer;
    // A key counts once, however often it signs.
    const id = toHex(signer.value.kid);
    if (seen.has(id)) return refuse('cose-invalid', `key ${id} signs twice`);
    seen.add(id);
    signers.push(signer.value);
  }
  return accept({ payload, signers });
}

/** Makes a COSE_Sign with the signatures of several keys. */
export function sealSign(
  type: DocumentType,
  payload: Uint8Array,
  signers: readonly {
    readonly kid: Uint8Array;
    readonly sign: (toBeSigned: Uint8Array) => Uint8Array;
  }[],
): Uint8Array {
  const body = encodeCbor(new Map([[headerLabel.typ, mediaType(type)]]));
  const signatures = signers.map(({ kid, sign }) => {
    const header = encodeCbor(
      new Map<number, number | Uint8Array>([
        [headerLabel.alg, algEd25519],
        [headerLabel.kid, kid],
      ]),
    );
    return [header, new Map(), sign(sigStructure('Signature', body, header, payload))];
  });
  return encodeCbor(new Tagged(tag, [body, new Map(), payload, signatures]));
}

function openSigner(item: CborValue, body: Uint8Array, payload: Uint8Array): Result<Signer> {
  if (!Array.isArray(item) || item.length !== 3) {
    return refuse('cose-invalid', 'a signature must be an array of three items');
  }
  const [header, unprotected, signature] = item as readonly CborValue[];
  const opened = openHeader(header, unprotected, [headerLabel.alg, headerLabel.kid]);
  if (!opened.ok) return opened;
  const kid = signerOf(opened.value);
  if (!kid.ok) return kid;
  if (!(signature instanceof Uint8Array) || signature.length !== signatureBytes) {
    return refuse('cose-invalid', `a signature must have ${signatureBytes} bytes`);
  }
  const toBeSigned = sigStructure('Signature', body, header as Uint8Array, payload);
  return accept({ kid: kid.value, toBeSigned, signature });
}
