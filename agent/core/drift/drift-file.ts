import { sameBytes } from '../../../protocol/bytes.js';
import { decodeCbor } from '../../../protocol/cbor/decode.js';
import { encodeCbor } from '../../../protocol/cbor/encode.js';
import {
  checkBytes,
  checkList,
  parseFields,
  refuseField,
  type Fields,
} from '../../../protocol/cbor/fields.js';
import type { CborValue } from '../../../protocol/cbor/value.js';
import type { WindowShape } from '../../../protocol/documents/pipeline.js';
import { crc32 } from '../state/checksum.js';
import { accountsOfNumber } from './change-detector.js';
import { keptValues, type Bounds, type CommissioningState } from './commissioning.js';

/** What the numbers were learned under: under other terms they mean something else. */
export interface CommissionedTerms {
  readonly cycleMs: number;
  readonly scale: readonly [low: number, high: number] | undefined;
  /** The owner's count of commissionings. */
  readonly commission: number;
  readonly shape: WindowShape;
}

/** What is watched after the commissioning. */
export interface WatchState {
  /** Windows in a month, by those of the commissioning. */
  readonly windowsInMonth: number;
  readonly bounds: readonly Bounds[];
  readonly accounts: Float64Array;
  /** The number that gave the alarm; undefined where none did. */
  readonly changed: number | undefined;
}

/** What is kept of a slot's drift over restarts. */
export interface DriftState {
  readonly terms: CommissionedTerms;
  /** Devices of the fleet, by the signed policy. */
  readonly devices: number;
  readonly course: CommissioningState | WatchState;
}

/** The file of a slot. */
export function driftFileName(slot: string): string {
  return `drift/${slot}`;
}

/** No file is larger: 33 numbers with 64 values at both ends, and little beside them. */
export const driftFileBytes = 65_536;

const format = 1;
const mostNumbers = 33;
const doubleBytes = 8;
const any = [0, Number.MAX_SAFE_INTEGER] as const;

/** `[checksum, body]`, as the state record has it. Doubles are those of this machine: the file never leaves it. */
export function encodeDriftState({ terms, devices, course }: DriftState): Uint8Array {
  const { cycleMs, scale, commission, shape } = terms;
  const fields = new Map<number, CborValue>([
    [0, format],
    [1, [cycleMs, commission, shape.frames, shape.stride, shape.channels]],
    [3, devices],
  ]);
  if (scale !== undefined) fields.set(2, bytesOf(scale));
  if ('accounts' in course) fields.set(5, watchValue(course));
  else fields.set(4, commissioningValue(course));
  const body = encodeCbor(fields);
  return encodeCbor([crc32(body), body]);
}

/** Undefined for what is damaged, or no such file: then the commissioning begins anew. */
export function decodeDriftState(bytes: Uint8Array): DriftState | undefined {
  const outer = decodeCbor(bytes);
  if (!outer.ok || !Array.isArray(outer.value)) return undefined;
  const [checksum, body, ...more] = outer.value as readonly CborValue[];
  if (!(body instanceof Uint8Array) || checksum !== crc32(body) || more.length > 0)
    return undefined;
  const state = parseFields(body, 'drift', readState);
  return state.ok ? state.value : undefined;
}

/** Whether what was learned under the ones holds under the others. */
export function sameTerms(a: CommissionedTerms, b: CommissionedTerms): boolean {
  return sameBytes(termsBytes(a), termsBytes(b));
}

function termsBytes({ cycleMs, scale, commission, shape }: CommissionedTerms): Uint8Array {
  const { frames, stride, channels } = shape;
  return bytesOf([cycleMs, commission, frames, stride, channels, ...(scale ?? [])]);
}

function commissioningValue({ elapsedMs, windows, rows, tails }: CommissioningState): CborValue {
  return new Map<number, CborValue>([
    [1, elapsedMs],
    [2, windows],
    [3, rows],
    [4, tails.map(({ least, greatest }) => [bytesOf(least), bytesOf(greatest)])],
  ]);
}

function watchValue({ windowsInMonth, bounds, accounts, changed }: WatchState): CborValue {
  const fields = new Map<number, CborValue>([
    [1, windowsInMonth],
    [2, bytesOf(bounds.flatMap(({ low, high }) => [low, high]))],
    [3, bytesOf(accounts)],
  ]);
  return changed === undefined ? fields : fields.set(4, changed);
}

function readState(fields: Fields): DriftState {
  fields.integer(0, [format, format]);
  const terms = fields.value(1, readTerms);
  const scale = fields.optional(2, () => fields.value(2, (value, path) => doubles(value, 2, path)));
  const devices = fields.integer(3, [1, Number.MAX_SAFE_INTEGER]);
  const course =
    fields.optional(4, () => fields.map(4, readCommissioning)) ?? fields.map(5, readWatch);
  const [low, high] = scale ?? [];
  return {
    terms: {
      ...terms,
      scale: low === undefined || high === undefined ? undefined : [low, high],
    },
    devices,
    course,
  };
}

function readTerms(value: CborValue, path: string): Omit<CommissionedTerms, 'scale'> {
  const numbers = checkList(value, [5, 5], path).map((item) => {
    if (!Number.isSafeInteger(item)) refuseField(path, 'must be integers');
    return item as number;
  });
  const [cycleMs = 0, commission = 0, frames = 0, stride = 0, channels = 0] = numbers;
  return { cycleMs, commission, shape: { frames, stride, channels } };
}

function readCommissioning(fields: Fields): CommissioningState {
  const rows = fields.integer(3, any);
  const filled = Math.min(rows, keptValues);
  return {
    elapsedMs: Math.max(0, fields.number(1)),
    windows: fields.integer(2, any),
    rows,
    tails: fields.list(4, [1, mostNumbers], (item, path) => {
      const [least, greatest] = checkList(item, [2, 2], path);
      return {
        least: doubles(least, filled, path),
        greatest: doubles(greatest, filled, path),
      };
    }),
  };
}

function readWatch(fields: Fields): WatchState {
  const ends = fields.value(2, (value, path) => {
    const { length } = checkBytes(value, [1, 2 * doubleBytes * mostNumbers], path);
    if (length % (2 * doubleBytes) !== 0) refuseField(path, 'must be pairs');
    return doubles(value, length / doubleBytes, path);
  });
  const bounds = Array.from({ length: ends.length / 2 }, (_, number) => ({
    low: ends[2 * number] ?? 0,
    high: ends[2 * number + 1] ?? 0,
  }));
  return {
    windowsInMonth: Math.max(1, fields.number(1)),
    bounds,
    accounts: fields.value(3, (value, path) =>
      doubles(value, accountsOfNumber * bounds.length, path),
    ),
    changed: fields.optional(4, () => fields.integer(4, [0, bounds.length - 1])),
  };
}

/** So many finite doubles. */
function doubles(value: CborValue | undefined, count: number, path: string): Float64Array {
  const bytes = checkBytes(value, [doubleBytes * count, doubleBytes * count], path);
  const numbers = new Float64Array(bytes.slice().buffer);
  if (!numbers.every((number) => Number.isFinite(number))) refuseField(path, 'must be finite');
  return numbers;
}

function bytesOf(numbers: Iterable<number>): Uint8Array {
  return new Uint8Array(Float64Array.from(numbers).buffer);
}
