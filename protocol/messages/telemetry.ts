/**
 * Integer labels of SenML records in CBOR (RFC 8428, table 4).
 */
const label = { baseName: -2, baseTime: -3, name: 0, unit: 1, value: 2 } as const;

/** One measurement: a name under the base name, a value, and a unit of RFC 8428 section 12.1. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit?: string;
}

/**
 * A SenML pack of the measurements of one device at one instant: the first record carries base name
 * and base time, in seconds since the epoch.
 */
export function senmlPack(
  deviceId: string,
  wallMs: number,
  measurements: readonly Measurement[],
): readonly ReadonlyMap<number, string | number>[] {
  return measurements.map(({ name, value, unit }, i) => {
    const record = new Map<number, string | number>();
    if (i === 0) {
      record.set(label.baseName, `urn:dev:ops:tinylamp-${deviceId}:`);
      record.set(label.baseTime, wallMs / 1000);
    }
    record.set(label.name, name);
    if (unit !== undefined) record.set(label.unit, unit);
    record.set(label.value, value);
    return record;
  });
}
