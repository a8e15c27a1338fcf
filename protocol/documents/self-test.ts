import { encodeCbor } from '../cbor/encode.js';
import { checkBytes, checkList, Fields, parseFields, refuseField } from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';
import { limits } from '../limits.js';
import type { Result } from '../result.js';

/** Golden vectors of a model: what it must give on every device, beginning in its initial state. */
export interface GoldenVectors {
  readonly vectors: readonly SelfTestVector[];
  /** The greatest difference of an output value that is allowed; 0 demands equal bytes. */
  readonly tolerance: number;
}

/** Golden vectors of a release: those of its first model, and of those behind it. */
export interface SelfTest extends GoldenVectors {
  /** In the order of the pipeline; models that have none here are not tested. */
  readonly further?: readonly GoldenVectors[] | undefined;
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
    const further = fields.optional(3, () =>
      fields.list(3, [1, limits.models - 1], (item, path) =>
        Fields.read(item, path, (model) => parseVectors(model, path)),
      ),
    );
    return { ...parseVectors(fields, 'self-test'), further };
  });
}

/** The bytes of a self-test artifact, in deterministic CBOR. */
export function encodeSelfTest(selfTest: SelfTest): Uint8Array {
  const fields = new Map<number, CborValue>([[0, 1], ...vectorFields(selfTest)]);
  const { further } = selfTest;
  if (further !== undefined)
    fields.set(
      3,
      further.map((model) => new Map(vectorFields(model))),
    );
  return encodeCbor(fields);
}

function parseVectors(fields: Fields, path: string): GoldenVectors {
  const tolerance = fields.number(2);
  if (tolerance < 0) refuseField(`${path}.2`, 'must not be negative');
  return {
    vectors: fields.list(1, [1, limits.selfTestVectors], (item, at) => {
      const [inputs, outputs] = checkList(item, [2, 2], at);
      const length = [1, limits.artifactBytes] as const;
      return {
        inputs: checkBytes(inputs, length, `${at}[0]`),
        outputs: checkBytes(outputs, length, `${at}[1]`),
      };
    }),
    tolerance,
  };
}

function vectorFields({ vectors, tolerance }: GoldenVectors): [number, CborValue][] {
  return [
    [1, vectors.map(({ inputs, outputs }) => [inputs, outputs])],
    [2, tolerance],
  ];
}
