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

/** By itself, since the declarations of the library do not know all of them. */
const options = {
  useRecords: false,
  variableMapSize: true,
  tagUint8Array: false,
  // Maps with integer labels (SenML, RFC 8428) are plain maps.
  useTag259ForMaps: false,
};

/** Makes the codec. */
export function createPlainCbor(): PlainCbor {
  const encoder = new Encoder(options);
  return {
    // The encoder reuses its buffer.
    encode: (value) => new Uint8Array(encoder.encode(value)),
    decode: (bytes) => encoder.decode(bytes) as unknown,
  };
}
