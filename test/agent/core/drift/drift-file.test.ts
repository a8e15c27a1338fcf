import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  decodeDriftState,
  driftFileBytes,
  encodeDriftState,
  sameTerms,
  type DriftState,
} from '../../../../agent/core/drift/drift-file.js';

const record: typeof fc.record = (model: object) =>
  fc.record(model, { noNullPrototype: true }) as never;

const doubles = (count: number) =>
  fc
    .array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
      minLength: count,
      maxLength: count,
    })
    .map((values) => Float64Array.from(values));

const course: fc.Arbitrary<DriftState['course']> = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 33 }), fc.nat(7_000)).chain(([numbers, rows]) =>
    record({
      elapsedMs: fc.double({ min: 0, max: 1e10, noNaN: true }).map((ms) => ms + 0),
      windows: fc.nat(),
      rows: fc.constant(rows),
      tails: fc.array(
        record({
          least: doubles(Math.min(64, rows)),
          greatest: doubles(Math.min(64, rows)),
        }),
        { minLength: numbers, maxLength: numbers },
      ),
    }),
  ),
  fc.integer({ min: 1, max: 33 }).chain((numbers) =>
    record({
      windowsInMonth: fc.double({ min: 1, max: 1e10, noNaN: true }),
      bounds: fc.array(
        record({
          low: fc.double({ noNaN: true, noDefaultInfinity: true }),
          high: fc.double({ noNaN: true, noDefaultInfinity: true }),
        }),
        { minLength: numbers, maxLength: numbers },
      ),
      accounts: doubles(4 * numbers),
      changed: fc.option(fc.nat(numbers - 1), { nil: undefined }),
    }),
  ),
);

const states: fc.Arbitrary<DriftState> = record({
  terms: record({
    cycleMs: fc.integer({ min: 60_000, max: 2_678_400_000 }),
    scale: fc.constantFrom([-8, 8] as const, [0.5, 0.75] as const, undefined),
    commission: fc.integer({ min: 1, max: 1_000_000 }),
    shape: record({
      frames: fc.integer({ min: 1, max: 65_536 }),
      stride: fc.integer({ min: 1, max: 65_536 }),
      channels: fc.integer({ min: 1, max: 64 }),
    }),
  }),
  devices: fc.integer({ min: 1, max: 1_000_000 }),
  course,
});

describe('the file of drift', () => {
  it('gives back what was written, and is never larger than what is read', () => {
    fc.assert(
      fc.property(states, (state) => {
        const bytes = encodeDriftState(state);
        assert.ok(bytes.length <= driftFileBytes, `${bytes.length} bytes`);
        const again = decodeDriftState(bytes);
        assert.deepEqual(again, state);
        assert.ok(again !== undefined && sameTerms(again.terms, state.terms));
      }),
      { numRuns: 200 },
    );
  });

  it('is none where it was cut or changed anywhere', () => {
    fc.assert(
      fc.property(states, fc.nat(), fc.integer({ min: 1, max: 255 }), (state, at, change) => {
        const bytes = encodeDriftState(state);
        assert.equal(decodeDriftState(bytes.slice(0, at % bytes.length)), undefined);
        const place = at % bytes.length;
        bytes[place] = (bytes[place] ?? 0) ^ change;
        assert.equal(decodeDriftState(bytes), undefined);
      }),
      { numRuns: 200 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assert.equal(decodeDriftState(bytes), undefined);
      }),
      { numRuns: 2_000 },
    );
  });

  it('tells terms apart by each of their numbers', () => {
    fc.assert(
      fc.property(states, ({ terms }) => {
        assert.ok(!sameTerms(terms, { ...terms, commission: terms.commission + 1 }));
        assert.ok(!sameTerms(terms, { ...terms, cycleMs: terms.cycleMs + 1 }));
        assert.ok(!sameTerms(terms, { ...terms, scale: [1, 2] }));
        const { shape } = terms;
        assert.ok(!sameTerms(terms, { ...terms, shape: { ...shape, stride: shape.stride + 1 } }));
      }),
    );
  });
});
