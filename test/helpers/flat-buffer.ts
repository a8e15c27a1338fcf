/**
 * Writes FlatBuffers from front to back, for tests: any field can be given any value, which a proper
 * builder would refuse. Offsets are relative to their own place; a vtable lies before its table.
 */

/** A table: values by slot. */
export type FlatTable = Readonly<Record<number, FlatValue | undefined>>;

/** What a field can hold. */
export type FlatValue =
  | { readonly kind: 'scalar'; readonly bytes: Uint8Array }
  | { readonly kind: 'table'; readonly fields: FlatTable }
  | { readonly kind: 'tables'; readonly tables: readonly FlatTable[] }
  | { readonly kind: 'vector'; readonly length: number; readonly bytes: Uint8Array };

export const u8 = (value: number): FlatValue => scalar(1, (view) => view.setUint8(0, value));
export const i32 = (value: number): FlatValue => scalar(4, (view) => view.setInt32(0, value, true));
export const u32 = (value: number): FlatValue =>
  scalar(4, (view) => view.setUint32(0, value, true));
export const u64 = (value: bigint): FlatValue =>
  scalar(8, (view) => view.setBigUint64(0, value, true));
export const f32 = (value: number): FlatValue =>
  scalar(4, (view) => view.setFloat32(0, value, true));

export const table = (fields: FlatTable): FlatValue => ({ kind: 'table', fields });
export const tables = (all: readonly FlatTable[]): FlatValue => ({ kind: 'tables', tables: all });

export const bytes = (value: Uint8Array): FlatValue => vector(value.length, value);
export const text = (value: string): FlatValue => bytes(new TextEncoder().encode(value));
export const i32s = (values: readonly number[]): FlatValue =>
  vector(values.length, new Uint8Array(new Int32Array(values).buffer));
export const f32s = (values: readonly number[]): FlatValue =>
  vector(values.length, new Uint8Array(new Float32Array(values).buffer));
export const i64s = (values: readonly bigint[]): FlatValue =>
  vector(values.length, new Uint8Array(new BigInt64Array(values).buffer));

/** A vector that may claim another length than it has. */
export const vector = (length: number, value: Uint8Array): FlatValue => ({
  kind: 'vector',
  length,
  bytes: value,
});

/** A whole file with this root. */
export function writeFlatBuffer(identifier: string, root: FlatTable): Uint8Array {
  const writer = new Writer();
  writer.u32(0);
  writer.append(new TextEncoder().encode(identifier));
  writer.patch(0, writer.table(root));
  return writer.bytes();
}

function scalar(size: number, write: (view: DataView) => void): FlatValue {
  const value = new Uint8Array(size);
  write(new DataView(value.buffer));
  return { kind: 'scalar', bytes: value };
}

class Writer {
  readonly #bytes: number[] = [];

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  append(value: Uint8Array): void {
    for (const byte of value) this.#bytes.push(byte);
  }

  u16(value: number): void {
    this.#bytes.push(value & 0xff, value >>> 8);
  }

  u32(value: number): void {
    this.#bytes.push(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
  }

  /** Lets the offset at `place` point to `target`. */
  patch(place: number, target: number): void {
    const distance = target - place;
    for (let i = 0; i < 4; i++) this.#bytes[place + i] = (distance >>> (8 * i)) & 0xff;
  }

  /** Writes a table and what it points to; gives its place. */
  table(fields: FlatTable): number {
    const present = Object.entries(fields).flatMap(([slot, value]) =>
      value === undefined ? [] : [{ slot: Number(slot), value }],
    );
    const slots = present.reduce((most, { slot }) => Math.max(most, slot + 1), 0);
    // Where each field lies in the table, behind the offset to the vtable.
    const distances = new Array<number>(slots).fill(0);
    let tableBytes = 4;
    for (const { slot, value } of present) {
      distances[slot] = tableBytes;
      tableBytes += value.kind === 'scalar' ? align(value.bytes.length) : 4;
    }
    this.#align();
    const vtable = this.#bytes.length;
    this.u16(4 + 2 * slots);
    this.u16(tableBytes);
    distances.forEach((distance) => {
      this.u16(distance);
    });
    this.#align();
    const place = this.#bytes.length;
    this.u32(place - vtable);
    for (const { value } of present) {
      if (value.kind === 'scalar') this.append(value.bytes);
      else this.u32(0);
      this.#align();
    }
    for (const { slot, value } of present) {
      if (value.kind !== 'scalar') this.patch(place + (distances[slot] ?? 0), this.#child(value));
    }
    return place;
  }

  #child(value: Exclude<FlatValue, { kind: 'scalar' }>): number {
    if (value.kind === 'table') return this.table(value.fields);
    this.#align();
    const place = this.#bytes.length;
    if (value.kind === 'vector') {
      this.u32(value.length);
      this.append(value.bytes);
      this.#align();
      return place;
    }
    this.u32(value.tables.length);
    value.tables.forEach(() => {
      this.u32(0);
    });
    // A table that is listed several times is written once: offsets may share their target.
    const written = new Map<FlatTable, number>();
    value.tables.forEach((fields, i) => {
      const target = written.get(fields) ?? this.table(fields);
      written.set(fields, target);
      this.patch(place + 4 + 4 * i, target);
    });
    return place;
  }

  #align(): void {
    while (this.#bytes.length % 4 !== 0) this.#bytes.push(0);
  }
}

function align(length: number): number {
  return Math.ceil(length / 4) * 4;
}
