/** One measurement: a name under the base name, a value, and a unit of RFC 8428 section 12.1. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit?: string;
}

/** The measurements of one device at one instant. */
export interface SenmlPack {
  /** What the names of all measurements begin with. */
  readonly baseName: string;
  /** In seconds since the epoch. */
  readonly baseTime: number;
  readonly measurements: readonly Measurement[];
}

/** Brings measurements under the name of a device, as RFC 8428 wants names to be unique in the world. */
export function senmlPack(
  deviceId: string,
  wallMs: number,
  measurements: readonly Measurement[],
): SenmlPack {
  return { baseName: `urn:dev:ops:tinylamp-${deviceId}:`, baseTime: wallMs / 1000, measurements };
}

/** The labels of SenML records: in JSON (RFC 8428, table 1), and in CBOR (table 4). */
const labels = {
  json: { baseName: 'bn', baseTime: 'bt', name: 'n', unit: 'u', value: 'v' },
  cbor: { baseName: -2, baseTime: -3, name: 0, unit: 1, value: 2 },
} as const;

/** A pack as records with integer labels, to be encoded as CBOR. */
export function senmlCbor(pack: SenmlPack): readonly ReadonlyMap<number, string | number>[] {
  return records(pack, labels.cbor).map((record) => new Map(record));
}

/** A pack as records with names, to be encoded as JSON. */
export function senmlJson(pack: SenmlPack): readonly Readonly<Record<string, string | number>>[] {
  return records(pack, labels.json).map((record) => Object.fromEntries(record));
}

/** The first record carries base name and base time. */
function records<L>(
  { baseName, baseTime, measurements }: SenmlPack,
  label: Readonly<Record<'baseName' | 'baseTime' | 'name' | 'unit' | 'value', L>>,
): readonly (readonly (readonly [L, string | number])[])[] {
  return measurements.map(({ name, value, unit }, i) => [
    ...(i === 0
      ? ([
          [label.baseName, baseName],
          [label.baseTime, baseTime],
        ] as const)
      : []),
    [label.name, name],
    ...(unit === undefined ? [] : ([[label.unit, unit]] as const)),
    [label.value, value],
  ]);
}
