import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { usualTolerance, type Tolerance } from './compare-outputs.js';

/** Inputs and the outputs that upstream computed from them. */
export interface ConformanceVector {
  /** Consecutive inferences; state is kept between them. */
  readonly invokes: number;
  /** Where the inputs lie in the case's bytes; undefined where {@link seed} makes them. */
  readonly inputOffset: number | undefined;
  readonly inputBytes: number;
  readonly inputSha256: string | undefined;
  readonly seed: number | undefined;
  readonly outputOffset: number;
  readonly outputBytes: number;
  readonly outputSha256: string | undefined;
  /**
   * Whether each inference has a new output, where upstream tells it: those of streaming models are aborted in between. The
   * bytes of the outputs count all the same.
   */
  readonly hasOutput: readonly boolean[] | undefined;
}

/** One entry of an index, with all its vectors. */
export interface ConformanceCase {
  readonly name: string;
  /**
   * `outputs`: they must be upstream's. `survival`: upstream gives none for this model; a coded refusal or a
   * finished run passes.
   */
  readonly expects: 'outputs' | 'survival';
  /** Path of the model, or of a file with many. */
  readonly model: string;
  /** Where in that file the model lies; undefined where it is the whole file. */
  readonly modelRange: { readonly offset: number; readonly bytes: number } | undefined;
  /** Path of the bytes of the vectors; undefined where there are none. */
  readonly bytes: string | undefined;
  readonly vectors: readonly ConformanceVector[];
  /** By how much outputs may differ; as usual where the entry does not say it. */
  readonly tolerance: Tolerance;
  /** What upstream's planner needs for activations and scratch buffers. */
  readonly upstreamArenaBytes: number | undefined;
}

/** The folder cannot be used at all. */
export class ConformanceFolderError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConformanceFolderError';
  }
}

/** Bytes of an index, a model or the vectors of a case. */
const fileBytesLimit = 256 * 1_048_576;

/**
 * Reads the index of a conformance folder (design, section 11). Throws a {@link ConformanceFolderError}
 * that names the file and, where it is one entry's fault, the entry.
 */
export function readConformanceFolder(folder: string): readonly ConformanceCase[] {
  const file = path.join(folder, 'index.json');
  let index: unknown;
  try {
    index = JSON.parse(new TextDecoder().decode(readBounded(file)));
  } catch (error) {
    throw new ConformanceFolderError(`${file}: ${error instanceof Error ? error.message : error}`);
  }
  const entries = new Fields(file, index).list('models');
  return entries.map((entry, i) => readCase(folder, new Fields(`${file}: models[${i}]`, entry)));
}

/** Reads a file that an index names. Throws what the file system throws, and where it is too large. */
export function readBounded(file: string): Uint8Array {
  const { size } = statSync(file);
  if (size > fileBytesLimit)
    throw new Error(`${file} has ${size} bytes; ${fileBytesLimit} at most`);
  return new Uint8Array(readFileSync(file));
}

/** Upstream's status of an inference without new output, `kTfLiteAbort`. */
const upstreamAborted = 15;

function readCase(folder: string, entry: Fields): ConformanceCase {
  const name = entry.text('name');
  if (name === undefined) throw entry.error('name', 'a text');
  const bytes = entry.text('bin');
  return {
    name,
    expects: (entry.text('status') ?? 'ok') === 'ok' ? 'outputs' : 'survival',
    model: path.join(folder, entry.text('model') ?? `../models/${name}.tflite`),
    modelRange: readModelRange(entry),
    bytes: bytes === undefined ? undefined : path.join(folder, bytes),
    vectors: entry
      .list('vectors')
      .map((vector, i) => readVector(new Fields(`${name}: vectors[${i}]`, vector))),
    tolerance: readTolerance(entry.fields('tolerance')),
    upstreamArenaBytes: entry.count('arena_nonpersistent_bytes'),
  };
}

function readModelRange(entry: Fields): ConformanceCase['modelRange'] {
  const offset = entry.count('model_offset');
  return offset === undefined ? undefined : { offset, bytes: entry.requiredCount('model_bytes') };
}

function readTolerance(given: Fields | undefined): Tolerance {
  if (given === undefined) return usualTolerance;
  return {
    integers: given.requiredCount('integers'),
    absolute: given.size('absolute'),
    relative: given.size('relative'),
    ofGreatest: given.size('ofGreatest'),
  };
}

function readVector(vector: Fields): ConformanceVector {
  const inputOffset = vector.count('input_offset');
  const seed = vector.count('seed');
  if (inputOffset === undefined && seed === undefined) {
    throw vector.error('input_offset', 'a count where there is no seed');
  }
  return {
    invokes: vector.count('invokes') ?? 1,
    inputOffset,
    inputBytes: vector.requiredCount('input_bytes'),
    inputSha256: vector.text('input_sha256'),
    seed,
    outputOffset: vector.requiredCount('output_offset'),
    outputBytes: vector.requiredCount('output_bytes'),
    outputSha256: vector.text('output_sha256'),
    hasOutput: vector.has('invoke_statuses')
      ? vector.list('invoke_statuses').map((status) => status !== upstreamAborted)
      : undefined,
  };
}

/** The fields of an object of the index. Absent and null are the same. */
class Fields {
  readonly #place: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(place: string, value: unknown) {
    if (typeof value !== 'object' || value === null) {
      throw new ConformanceFolderError(`${place} is no object`);
    }
    this.#place = place;
    this.#fields = value as Readonly<Record<string, unknown>>;
  }

  text(name: string): string | undefined {
    const value = this.#fields[name] ?? undefined;
    if (value === undefined || typeof value === 'string') return value;
    throw this.error(name, 'a text');
  }

  count(name: string): number | undefined {
    const value = this.#fields[name] ?? undefined;
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.error(name, 'a whole number from 0');
  }

  requiredCount(name: string): number {
    const value = this.count(name);
    if (value === undefined) throw this.error(name, 'a whole number from 0');
    return value;
  }

  size(name: string): number {
    const value = this.#fields[name];
    if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value;
    throw this.error(name, 'a number from 0');
  }

  /** An object within; undefined where there is none. */
  fields(name: string): Fields | undefined {
    const value = this.#fields[name] ?? undefined;
    return value === undefined ? undefined : new Fields(`${this.#place}: ${name}`, value);
  }

  has(name: string): boolean {
    return (this.#fields[name] ?? undefined) !== undefined;
  }

  list(name: string): readonly unknown[] {
    const value = this.#fields[name] ?? [];
    if (Array.isArray(value)) return value as readonly unknown[];
    throw this.error(name, 'a list');
  }

  error(name: string, wanted: string): ConformanceFolderError {
    return new ConformanceFolderError(`${this.#place}: ${name} must be ${wanted}`);
  }
}
