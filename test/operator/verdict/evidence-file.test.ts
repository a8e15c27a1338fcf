import assert from 'node:assert/strict';
import process from 'node:process';
import fc from 'fast-check';
import { defaultTerms } from '../../../operator/verdict/evidence.js';
import { parseEvidenceFile } from '../../../operator/verdict/evidence-file.js';
import { judge } from '../../../operator/verdict/judge.js';
import { CodedError } from '../../../protocol/coded-error.js';
import { assertValueOrCode, mutationsOf } from '../../helpers/mutation.js';

const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const device = { id: 'press-1', blocks: [[1, 0, 10]] };

/** So many hostile files; `TINYLAMP_HOSTILE_FILES` makes it a campaign. */
const numRuns = Number(process.env['TINYLAMP_HOSTILE_FILES'] ?? 300);
const seed = Number(process.env['TINYLAMP_SEED'] ?? 2026);

describe('a file of evidence', () => {
  it('has the default of every key that it leaves out', () => {
    const { terms, devices } = parseEvidenceFile(bytes({ devices: [device] }));
    assert.deepEqual(terms, defaultTerms);
    assert.equal(devices[0]?.asked, true);
    assert.equal(devices[0].present, true);
    const block = { onlyChampionRight: 1, onlyChallengerRight: 0, windows: 10, unlabelled: 0 };
    assert.deepEqual(devices[0].shadow, [{ ...block, policy: 0, served: 0 }]);
  });

  it('has every key of the plan and of a device', () => {
    const plan = {
      safe: 0.03,
      harm: 0.02,
      alpha: 0.1,
      deviceMargin: 0.06,
      harmShare: 0.1,
      coverage: 0.8,
    };
    const more = {
      stratum: 'hall 2',
      asked: true,
      present: false,
      failed: true,
      silent: true,
      left: 3,
    };
    const blocks = [
      [1, 2, 10, 3, 4, 0],
      [0, 0, 10, 0, 4, 1],
    ];
    const file = {
      plan: { ...plan, scope: 'population' },
      devices: [{ id: 'a', ...more, blocks }],
    };
    const { terms, devices } = parseEvidenceFile(bytes(file));
    assert.deepEqual(terms, { ...defaultTerms, ...plan, scope: 'population' });
    const [first] = devices;
    assert.deepEqual(
      { ...first, id: 0, shadow: 0, served: 0 },
      { ...more, id: 0, shadow: 0, served: 0 },
    );
    assert.equal(`${first?.shadow.length} ${first?.served.length}`, '1 1');
  });

  const refused: readonly (readonly [name: string, value: unknown])[] = [
    ['no JSON', '{'],
    ['an array', []],
    ['without devices', {}],
    ['with a key that nobody knows', { devices: [], blocks: [] }],
    ['with a key that every object has', '{"devices":[],"constructor":{}}'],
    ['with a prototype', '{"devices":[],"__proto__":{}}'],
    ['with a misspelt key of the plan', { plan: { save: 0.02 }, devices: [] }],
    ['with harm that is no less than safe', { plan: { safe: 0.01, harm: 0.01 }, devices: [] }],
    ['with an alpha of nothing', { plan: { alpha: 0 }, devices: [] }],
    ['with an infinite margin', '{"plan":{"safe":1e999},"devices":[]}'],
    ['with a scope that nobody knows', { plan: { scope: 'all' }, devices: [] }],
    ['with an id that is none', { devices: [{ ...device, id: 'a b' }] }],
    ['with a device twice', { devices: [device, device] }],
    ['with a block of two numbers', { devices: [{ ...device, blocks: [[1, 0]] }] }],
    ['with a block of no windows', { devices: [{ ...device, blocks: [[0, 0, 0]] }] }],
    ['with more losses than windows', { devices: [{ ...device, blocks: [[6, 5, 10]] }] }],
    ['with half a window', { devices: [{ ...device, blocks: [[0.5, 0, 10]] }] }],
    ['with a negative count', { devices: [{ ...device, blocks: [[-1, 0, 10]] }] }],
    ['with a block served twice', { devices: [{ ...device, blocks: [[0, 0, 10, 0, 1, 2]] }] }],
    [
      'with policies that fall',
      {
        devices: [
          {
            ...device,
            blocks: [
              [0, 0, 10, 0, 2],
              [0, 0, 10, 0, 1],
            ],
          },
        ],
      },
    ],
    ['with left in round 0', { devices: [{ ...device, left: 0 }] }],
    ['with a stratum of control characters', { devices: [{ ...device, stratum: 'a\u001b[2J' }] }],
  ];
  for (const [name, value] of refused) {
    it(`is refused ${name}`, () => {
      assert.throws(
        () => parseEvidenceFile(bytes(value)),
        (error) =>
          error instanceof CodedError &&
          error.code === 'evidence-file-invalid' &&
          /^[\x20-\x7e]{1,200}$/.test(error.detail),
      );
    });
  }

  it('is refused where it is larger than any evidence', () => {
    assert.throws(() => parseEvidenceFile(new Uint8Array(70_000_000)), /evidence-file-invalid/);
  });

  const judged = (file: Uint8Array): unknown => {
    const judgement = judge(parseEvidenceFile(file));
    assert.ok(Number.isFinite(judgement.lower) && Number.isFinite(judgement.upper));
    assert.ok(judgement.lower <= judgement.upper || judgement.verdict !== 'safe');
    return judgement;
  };

  it('is judged or refused with a code, whatever was changed in it', () => {
    const whole = bytes({
      plan: { safe: 0.02, harm: 0.01, alpha: 0.05, coverage: 0.9, scope: 'these-devices' },
      devices: [
        { ...device, stratum: 'a', asked: true, left: 2 },
        {
          id: 'b',
          failed: true,
          blocks: [
            [0, 0, 10, 1, 3, 0],
            [2, 1, 14, 0, 3, 1],
          ],
        },
      ],
    });
    fc.assert(
      fc.property(mutationsOf([whole]), (file) => {
        assertValueOrCode(judged, file);
      }),
      { numRuns, seed },
    );
  });

  it('is judged or refused with a code, whatever plan and blocks it has', () => {
    const number = fc.oneof(
      fc.double({ noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(0, 1, 5e-324, 1e-17, 0.5, 1 - 1e-16, 1e308),
    );
    const counts = fc.array(fc.oneof(fc.nat(20), fc.constantFrom(0, 65_535, -1, 1e9)), {
      minLength: 2,
      maxLength: 7,
    });
    const file = fc.record({
      plan: fc.record(
        {
          safe: number,
          harm: number,
          alpha: number,
          deviceMargin: number,
          harmShare: number,
          coverage: number,
          scope: fc.constantFrom('these-devices', 'population', '', null),
        },
        { requiredKeys: [] },
      ),
      devices: fc.array(
        fc.record(
          {
            id: fc.oneof(fc.stringMatching(/^[a-z]{1,3}$/), fc.string()),
            stratum: fc.constantFrom('a', 'b', ''),
            asked: fc.boolean(),
            silent: fc.boolean(),
            left: fc.oneof(fc.nat(9), number),
            blocks: fc.array(counts, { maxLength: 12 }),
          },
          { requiredKeys: ['id', 'blocks'] },
        ),
        { maxLength: 6 },
      ),
    });
    fc.assert(
      fc.property(file, (value) => {
        assertValueOrCode(judged, bytes(value));
      }),
      { numRuns, seed },
    );
  });

  it('is judged whatever well-formed evidence it has', () => {
    const share = fc.double({ min: 1e-9, max: 0.5, noNaN: true });
    const block = fc
      .tuple(fc.integer({ min: 1, max: 70 }), fc.nat(20), fc.nat(20), fc.nat(20))
      .filter(([n, b, c, u]) => b + c + u <= n)
      .map(([n, b, c, u]) => [b, c, n, u]);
    const file = fc.record({
      plan: fc
        .tuple(share, share, share, share, fc.constantFrom('these-devices', 'population'))
        .filter(([harm, safe]) => harm < safe)
        .map(([harm, safe, alpha, deviceMargin, scope]) => ({
          harm,
          safe,
          alpha,
          deviceMargin,
          scope,
        })),
      devices: fc
        .array(
          fc.tuple(fc.array(block, { maxLength: 30 }), fc.constantFrom('a', 'b'), fc.boolean()),
          { maxLength: 8 },
        )
        .map((some) =>
          some.map(([blocks, stratum, silent], i) => ({ id: `d${i}`, blocks, stratum, silent })),
        ),
    });
    fc.assert(
      fc.property(file, (value) => {
        judged(bytes(value));
      }),
      { numRuns, seed },
    );
  });
});
