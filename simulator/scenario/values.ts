import { accept, refuse, type Result } from '../../protocol/result.js';
import type { Prng } from '../prng.js';

/** What a scenario says in numbers with units. Each has one base unit, in which it is kept. */
export type Quantity = keyof typeof quantities;

/** A value that is drawn anew for each device or message. */
export interface Range {
  readonly kind: 'range';
  readonly low: number;
  readonly high: number;
  /** Factors are drawn evenly in their logarithm: as often from 1 to 2 as from 10 to 20. */
  readonly drawn: 'evenly' | 'by logarithm' | 'whole';
}

/** A number in its base unit, or a range of them. */
export type Amount = number | Range;

/** How often something happens by chance, in the mean. */
export interface Rate {
  readonly kind: 'rate';
  /** Of each device by itself, or of all that are meant together. */
  readonly per: 'device' | 'all';
  readonly perMs: Amount;
}

/** A unit is `times / over` base units: both whole, so that decimal numbers are rounded only once. */
type Unit = readonly [times: number, over: number];

const day = 86_400_000;

const quantities = {
  /** In milliseconds. */
  duration: {
    form: 'a duration such as 90 s (ms, s, min, h or day)',
    drawn: 'evenly',
    units: {
      ms: [1, 1],
      s: [1_000, 1],
      min: [60_000, 1],
      h: [3_600_000, 1],
      day: [day, 1],
      days: [day, 1],
    },
  },
  /** In bytes. */
  size: {
    form: 'a size such as 64 KiB (B, KiB or MiB)',
    drawn: 'whole',
    units: { B: [1, 1], KiB: [1_024, 1], MiB: [1_048_576, 1] },
  },
  /** Of one. */
  share: { form: 'a share such as 10 %', drawn: 'evenly', units: { '%': [1, 100] } },
  factor: { form: 'a factor such as 3 x', drawn: 'by logarithm', units: { x: [1, 1] } },
  /** In bits a second. */
  bandwidth: {
    form: 'a bandwidth such as 300 kbit/s (bit/s, kbit/s or Mbit/s)',
    drawn: 'evenly',
    units: { 'bit/s': [1, 1], 'kbit/s': [1_000, 1], 'Mbit/s': [1_000_000, 1] },
  },
  /** In joules a bit. */
  energy: {
    form: 'an energy such as 1.2 uJ/bit (J/bit, mJ/bit, uJ/bit or nJ/bit)',
    drawn: 'evenly',
    units: {
      'J/bit': [1, 1],
      'mJ/bit': [1, 1_000],
      'uJ/bit': [1, 1_000_000],
      'nJ/bit': [1, 1_000_000_000],
    },
  },
  /** Of one. */
  drift: { form: 'a drift such as 100 ppm', drawn: 'evenly', units: { ppm: [1, 1_000_000] } },
  /** Per millisecond. */
  rate: {
    form: 'a rate such as 200/s or 1/device/day (ms, s, min, h or day)',
    drawn: 'evenly',
    units: {
      '/ms': [1, 1],
      '/s': [1, 1_000],
      '/min': [1, 60_000],
      '/h': [1, 3_600_000],
      '/day': [1, day],
    },
  },
  number: { form: 'a number', drawn: 'evenly', units: { '': [1, 1] } },
  count: { form: 'a whole number', drawn: 'whole', units: { '': [1, 1] } },
} as const satisfies Record<
  string,
  { form: string; drawn: Range['drawn']; units: Readonly<Record<string, Unit>> }
>;

/** What a value of a quantity looks like, for messages. */
export function formOf(quantity: Quantity): string {
  return quantities[quantity].form;
}

/**
 * Reads a value with its unit, or a range `a..b`, whose first end has the unit of the second unless it has its own. Refuses
 * with `scenario-invalid`, saying what is allowed.
 */
export function readAmount(quantity: Quantity, text: string): Result<Amount> {
  const { form, drawn } = quantities[quantity];
  const [first = '', last, ...more] = text.split('..');
  const high = readEnd(quantity, last ?? first, undefined);
  const low = last === undefined ? high : readEnd(quantity, first, high?.unit);
  if (low === undefined || high === undefined || more.length > 0) return invalid(`must be ${form}`);
  if (last === undefined) return accept(high.value);
  if (low.value > high.value) {
    return invalid('must have the lesser end first');
  }
  return accept({ kind: 'range', low: low.value, high: high.value, drawn });
}

/** Reads `200/s` or `1/device/day`, or a range of them. Refuses with `scenario-invalid`. */
export function readRate(text: string): Result<Rate> {
  const ends = text.split('..');
  const perDevice = ends.at(-1)?.includes('/device/') === true;
  const differ = ends.some((end) => end.includes('/') && end.includes('/device/') !== perDevice);
  const perMs = differ
    ? invalid(`must be ${formOf('rate')}`)
    : readAmount('rate', text.replaceAll('/device/', '/'));
  if (!perMs.ok) return perMs;
  return accept({ kind: 'rate', per: perDevice ? 'device' : 'all', perMs: perMs.value });
}

/** The least and the greatest value that an amount can have. */
export function boundsOf(amount: Amount): readonly [low: number, high: number] {
  return typeof amount === 'number' ? [amount, amount] : [amount.low, amount.high];
}

/** One value of a range. A number is itself, and takes nothing from the generator. */
export function draw(amount: Amount, prng: Prng): number {
  if (typeof amount === 'number') return amount;
  const { low, high, drawn } = amount;
  if (drawn === 'whole') return low + prng.below(high - low + 1);
  if (drawn === 'evenly') return prng.uniform(low, high);
  const value = Math.exp(prng.uniform(Math.log(low), Math.log(high)));
  // The logarithm and back need not meet the ends to the last bit.
  return Math.min(high, Math.max(low, value));
}

/** More digits than a double tells apart; the greatest seed has 16. */
const mostDigits = 16;

interface End {
  readonly value: number;
  readonly unit: Unit | undefined;
}

function readEnd(quantity: Quantity, text: string, otherUnit: Unit | undefined): End | undefined {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?: *(\S+))?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', name = ''] = match;
  if (whole.length + fraction.length > mostDigits) return undefined;
  const digits = Number(whole + fraction);
  const units: Readonly<Record<string, Unit>> = quantities[quantity].units;
  const own = Object.hasOwn(units, name) ? units[name] : undefined;
  if (own === undefined && name !== '') return undefined;
  // Nothing is nothing in every unit, but for a factor: that would be no factor.
  const unit = own ?? otherUnit ?? (digits === 0 && quantity !== 'factor' ? [0, 1] : undefined);
  if (unit === undefined) return undefined;
  const value = (digits * unit[0]) / (10 ** fraction.length * unit[1]);
  if (quantities[quantity].drawn === 'whole' && !Number.isSafeInteger(value)) return undefined;
  return { value: sign === '-' && value !== 0 ? -value : value, unit: own };
}

function invalid(detail: string): { readonly ok: false } & Result<never> {
  return refuse('scenario-invalid', detail);
}
