import fc from 'fast-check';

/** The files that drawn operations are about. */
export const storedNames = ['state/a', 'images/a', 'partial/a'] as const;

const name = fc.constantFrom(...storedNames);
const bytes = fc
  .tuple(fc.integer({ min: 1, max: 1500 }), fc.nat(255))
  .map(([length, value]) => new Uint8Array(length).fill(value));

/** One operation that changes something. */
export const storageOperation = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), name, bytes }),
  fc.record({ kind: fc.constant('writeAt' as const), name, bytes, offset: fc.nat(600) }),
  fc.record({ kind: fc.constant('move' as const), name, to: name }),
  fc.record({ kind: fc.constant('remove' as const), name }),
);

export type StorageOperation = typeof storageOperation extends fc.Arbitrary<infer T> ? T : never;
