import { Encoder } from 'cbor-x/index-no-eval';

/**
 * Plain CBOR for telemetry and reports, without record extensions or tags of JavaScript: any CBOR library
 * reads it. Signed documents have a strict codec of their own (`core/cbor`).
 */
export interface PlainCbor {
  encode(value: unknown): Uint8Array;
  /** Decodes what our own devices have sent. Not for bytes of strangers: it takes no care of limits. */
  decode(bytes: Uint8Array): unknown;
}

const plain = {
  useRecords: false,
  variableMapSize: true,
  tagUint8Array: false,
  // A tag would say that a map is a Map of JavaScript; SenML (RFC 8428, 6) has maps without one. The types
  // of cbor-x do not know this option.
  useTag259ForMaps: false,
};

/** Makes the codec. */
export function createPlainCbor(): PlainCbor {
  const encoder = new Encoder(plain);
  return {
    // The encoder reuses its buffer.
    encode: (value) => new Uint8Array(encoder.encode(value)),
    decode: (bytes) => encoder.decode(bytes) as unknown,
  };
}
