import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Prng } from '../../../simulator/prng.js';
import {
  boundsOf,
  draw,
  readAmount,
  readRate,
  type Amount,
  type Quantity,
} from '../../../simulator/scenario/values.js';

const quantities: readonly Quantity[] = [
  'duration',
  'size',
  'share',
  'factor',
  'bandwidth',
  'energy',
  'drift',
  'rate',
  'number',
  'count',
];

const read = (quantity: Quantity, text: string): Amount | string => {
  const result = readAmount(quantity, text);
  return result.ok ? result.value : result.rejection.detail;
};

const between = (low: number, high: number, drawn = 'evenly') => {
  return { kind: 'range', low, high, drawn };
};

describe('values of a scenario', () => {
  const good: readonly (readonly [quantity: Quantity, text: string, value: unknown])[] = [
    ['duration', '250 ms', 250],
    ['duration', '90 s', 90_000],
    ['duration', '1.1 min', 66_000],
    ['duration', '12 h', 43_200_000],
    ['duration', '1 day', 86_400_000],
    ['duration', '56 days', 4_838_400_000],
    ['duration', '0', 0],
    ['duration', '-0', 0],
    ['duration', '0.07 s', 70],
    ['duration', '5min', 300_000],
    ['duration', ' 5  min ', 300_000],
    ['duration', '-1 h', -3_600_000],
    ['duration', '-1 h..1 h', between(-3_600_000, 3_600_000)],
    ['duration', '-1..1 h', between(-3_600_000, 3_600_000)],
    ['duration', '30 s..10 min', between(30_000, 600_000)],
    ['duration', '0..10 min', between(0, 600_000)],
    ['duration', '80 .. 400 ms', between(80, 400)],
    ['duration', '5 s..5 s', between(5_000, 5_000)],
    ['size', '64 KiB', 65_536],
    ['size', '1.5 MiB', 1_572_864],
    ['size', '7 B', 7],
    ['share', '10 %', 0.1],
    ['share', '99.9 %', 0.999],
    ['share', '0', 0],
    ['share', '0..5 %', between(0, 0.05)],
    ['factor', '3 x', 3],
    ['factor', '1..20 x', between(1, 20, 'by logarithm')],
    ['bandwidth', '300 kbit/s', 300_000],
    ['bandwidth', '2 Mbit/s', 2_000_000],
    ['bandwidth', '1..2 bit/s', between(1, 2)],
    ['energy', '1.2 uJ/bit', 1.2e-6],
    ['energy', '5 nJ/bit', 5e-9],
    ['drift', '100 ppm', 1e-4],
    ['drift', '-50..50 ppm', between(-5e-5, 5e-5)],
    ['number', '0.1', 0.1],
    ['number', '-3', -3],
    ['number', '-0.5..0.5', between(-0.5, 0.5)],
    ['count', '17', 17],
    ['count', '1..8', between(1, 8, 'whole')],
    ['count', '9007199254740991', Number.MAX_SAFE_INTEGER],
  ];
  for (const [quantity, text, value] of good) {
    it(`take ${JSON.stringify(text)} as a ${quantity}`, () => {
      assert.deepEqual(read(quantity, text), value);
    });
  }

  const bad: readonly (readonly [quantity: Quantity, ...texts: string[]])[] = [
    ['duration', '', ' ', '5', 's', '5 S', '5 sec', '5 m', '5 minutes', '1e3 s', '0x10 s', '+5 s'],
    ['duration', '.5 s', '5. s', '1,5 s', '1_000 s', '- 5 s', '−5 s', '5 s s', '1 h 30 min'],
    ['duration', '1..', '..5 s', '1..2..3 s', '1...2 s', '5 s..10', '5 %', 'NaN s', 'Infinity s'],
    ['duration', '1 constructor', '1 __proto__', '12345678901234567 s', '0..1', '1 s..0'],
    ['size', '1.5 B', '0.3 KiB', '5 KB', '5 kib', '5'],
    ['share', '10', '0.1', '10 percent', '%'],
    ['factor', '3', '0', '0..3', 'x3', '3x x', '0.0'],
    ['bandwidth', '300', '300 kbps', '300 kB/s', '300 kbit / s'],
    ['energy', '1.2', '1.2 uJ'],
    ['count', '1.5', '1 x', '9007199254740993', '1e3'],
    ['number', '1 g', 'one', '0x1'],
  ];
  for (const [quantity, ...texts] of bad) {
    for (const text of texts) {
      it(`do not take ${JSON.stringify(text)} as a ${quantity}`, () => {
        assert.match(JSON.stringify(read(quantity, text)), /^"must /);
      });
    }
  }

  it('have the lesser end of a range first', () => {
    assert.equal(read('duration', '2 s..1 s'), 'must have the lesser end first');
    assert.equal(read('duration', '1 min..1 s'), 'must have the lesser end first');
    assert.equal(read('duration', '1 h..-1 h'), 'must have the lesser end first');
  });

  it('are rounded once: a share of a decimal text is the number next to it', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), (tenThousandths) => {
        const text = `${Math.floor(tenThousandths / 10_000)}.${String(tenThousandths % 10_000).padStart(4, '0')}`;
        assert.equal(read('share', `${text} %`), Number(`${text}e-2`));
      }),
    );
  });

  it('are read or refused with a code, whatever the text', () => {
    const piece = fc.constantFrom(
      ...['1', '0', '-', '.', '..', ' ', 's', 'ms', '%', 'x', '/', 'device', 'day', 'B', '9'],
      ...['e', '\n', '\u0000', '٣', 'bit', '+'],
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 9 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(fc.constantFrom(...quantities), text, (quantity, given) => {
        const result = readAmount(quantity, given);
        if (result.ok) {
          const [low, high] = boundsOf(result.value);
          assert.ok(Number.isFinite(low) && Number.isFinite(high) && low <= high);
        } else assert.equal(result.rejection.code, 'scenario-invalid');
        const rate = readRate(given);
        if (!rate.ok) assert.equal(rate.rejection.code, 'scenario-invalid');
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('rates of a scenario', () => {
  const dayMs = 86_400_000;
  const good: readonly (readonly [text: string, per: string, perMs: unknown])[] = [
    ['200/s', 'all', 0.2],
    ['3/day', 'all', 3 / dayMs],
    ['1/device/day', 'device', 1 / dayMs],
    ['0.5 /device/h', 'device', 0.5 / 3_600_000],
    ['0', 'all', 0],
    ['0..1/device/day', 'device', between(0, 1 / dayMs)],
    ['1/day..1/h', 'all', between(1 / dayMs, 1 / 3_600_000)],
  ];
  for (const [text, per, perMs] of good) {
    it(`take ${text}`, () => {
      const rate = readRate(text);
      assert.deepEqual(rate, { ok: true, value: { kind: 'rate', per, perMs } });
    });
  }
  for (const text of [
    '',
    '200',
    '/s',
    '1/device',
    '1/week',
    '1/day/device',
    '1/device/device/day',
    '1/device/day..2/day',
    '1/day..2/device/day',
    '1 per day',
  ]) {
    it(`do not take ${JSON.stringify(text)}`, () => {
      assert.equal(readRate(text).ok, false);
    });
  }
});

describe('draw', () => {
  const amount = (quantity: Quantity, text: string): Amount => {
    const value = read(quantity, text);
    assert.notEqual(typeof value, 'string');
    return value as Amount;
  };

  it('gives a number as it is, and takes nothing from the generator', () => {
    const prng = Prng.fromSeed(7);
    assert.equal(draw(0.3, prng), 0.3);
    assert.equal(prng.uint32(), Prng.fromSeed(7).uint32());
  });

  it('stays within the range, and is the same for the same seed', () => {
    for (const [quantity, text] of [
      ['duration', '-1 h..1 h'],
      ['factor', '1..20 x'],
      ['count', '1..8'],
      ['factor', '3 x..3 x'],
      ['count', '5..5'],
    ] as const) {
      const given = amount(quantity, text);
      const [low, high] = boundsOf(given);
      const draws = (): readonly number[] => {
        const prng = Prng.fromSeed(11);
        return Array.from({ length: 2_000 }, () => draw(given, prng));
      };
      assert.ok(draws().every((value) => value >= low && value <= high));
      assert.deepEqual(draws(), draws());
    }
  });

  it('draws factors evenly in their logarithm, durations evenly, and counts with both ends', () => {
    const prng = Prng.fromSeed(3);
    const drawn = (quantity: Quantity, text: string): readonly number[] =>
      Array.from({ length: 10_000 }, () => draw(amount(quantity, text), prng));
    const below = (values: readonly number[], bound: number): number =>
      values.filter((value) => value < bound).length / values.length;
    assert.ok(Math.abs(below(drawn('factor', '1..100 x'), 10) - 0.5) < 0.02);
    assert.ok(Math.abs(below(drawn('duration', '0..100 ms'), 10) - 0.1) < 0.02);
    assert.deepEqual([...new Set(drawn('count', '1..3'))].sort(), [1, 2, 3]);
  });
});
