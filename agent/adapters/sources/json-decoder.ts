import { accept, refuse, type Result } from '../../../protocol/result.js';
import { messageValues, type Decoder } from './decoder.js';

/**
 * Frames from JSON: one JSON Pointer (RFC 6901) for each channel, or one for all of them. Each points at a
 * number, or at an array of numbers: then all are of the same length, one number a frame. One pointer at
 * an array, with several channels, gives frames one after the other.
 */
export function createJsonDecoder(fields: readonly string[], channels: number): Decoder {
  const pointers = fields.map(parsePointer);
  let values = new Float32Array();
  return (bytes) => {
    const message = parseJson(bytes);
    if (!message.ok) return message;
    const columns: (readonly unknown[])[] = [];
    for (const [i, pointer] of pointers.entries()) {
      const value = resolve(message.value, pointer);
      const column: readonly unknown[] = Array.isArray(value) ? value : [value];
      if (!column.every(isSample)) {
        return refuse(
          'sample-invalid',
          `${fields[i] || 'the whole message'} is no number or array of numbers`,
        );
      }
      columns.push(column);
    }
    const frames = columns[0]?.length ?? 0;
    const count = frames * columns.length;
    if (columns.some(({ length }) => length !== frames)) {
      return refuse('sample-invalid', `${fields.join(', ')} are of different lengths`);
    }
    if (count === 0) return refuse('sample-invalid', 'no numbers');
    if (count % channels !== 0 || (columns.length > 1 && columns.length !== channels)) {
      return refuse(
        'source-mismatch',
        `${count} numbers are no whole frames of ${channels} channels`,
      );
    }
    if (count > messageValues)
      return refuse('sample-invalid', `more than ${messageValues} numbers`);
    if (values.length !== count) values = new Float32Array(count);
    for (let frame = 0; frame < frames; frame++) {
      for (const [i, column] of columns.entries()) {
        values[frame * columns.length + i] = column[frame] as number;
      }
    }
    return accept(values);
  };
}

/** JSON has no infinity, but numbers that become one as a float32. */
function isSample(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(Math.fround(value));
}

function parseJson(bytes: Uint8Array): Result<unknown> {
  try {
    return accept(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown);
  } catch {
    return refuse('sample-invalid', 'the message is not JSON');
  }
}

/** The reference tokens of a pointer (RFC 6901, 4). */
function parsePointer(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function resolve(message: unknown, pointer: readonly string[]): unknown {
  let value = message;
  for (const token of pointer) {
    // Only what the message itself holds: not `length`, not what objects inherit.
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, token))
      return undefined;
    if (Array.isArray(value) && !/^(0|[1-9][0-9]*)$/.test(token)) return undefined;
    value = (value as Record<string, unknown>)[token];
  }
  return value;
}
