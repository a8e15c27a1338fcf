import { encodeCbor } from '../cbor/encode.js';
import { checkBytes, checkList, parseFields, refuseField } from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';
import { limits } from '../limits.js';
import type { Result } from '../result.js';

/** Golden vectors of the first model of a release: what it must give on every device. */
export interface SelfTest {
  readonly vectors: readonly SelfTestVector[];
  /** The greatest difference of an output value that is allowed; 0 demands equal bytes. */
  readonly tolerance: number;
}

/** All input tensors and all output tensors of one inference, each one after the other, little-endian. */
export interface SelfTestVector {
  readonly inputs: Uint8Array;
  readonly outputs: Uint8Array;
}

/** Reads a self-test artifact whose digest holds. */
export function parseSelfTest(bytes: Uint8Array): Result<SelfTest> {
  return parseFields(bytes, 'self-test', (fields) => {
    fields.integer(0, [1, 1]);
    const tolerance = fields.number(2);
    if (tolerance < 0) refuseField('self-test.2', 'must not be negative');
    return {
      vectors: fields.list(1, [1, limits.selfTestVectors], (item, path) => {
        const [inputs, outputs] = checkList(item, [2, 2], path);
        const length = [1, limits.artifactBytes] as const;
        return {
          inputs: checkBytes(inputs, length, `${path}[0]`),
          outputs: checkBytes(outputs, length, `${path}[1]`),
        };
      }),
      tolerance,
    };
  });
}

/** The bytes of a self-test artifact, in deterministic CBOR. */
export function encodeSelfTest({ vectors, tolerance }: SelfTest): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      [0, 1],
      [1, vectors.map(({ inputs, outputs }) => [inputs, outputs])],
      [2, tolerance],
    ]),
  );
}
