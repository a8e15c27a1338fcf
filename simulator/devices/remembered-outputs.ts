import type { PooledModel } from './model-pool.js';

/** What is kept of one model: some ten thousand inputs of a sensor, or a few hundred pictures. */
const mostBytes = 64 * 1_048_576;

/** What an entry takes besides its bytes, about. */
const overheadBytes = 128;

interface Remembered {
  readonly output: Uint8Array;
  readonly hasOutput: boolean;
}

/** A model without state that computes each input once, as long as there is room: afterwards it knows the outputs. */
export function remembering(model: PooledModel): PooledModel {
  const known = new Map<string, Remembered>();
  let bytes = 0;
  return {
    ...model,
    run(input, output) {
      // The input itself as a text of one character a byte: no two inputs have the same.
      const name = Buffer.from(input.buffer, input.byteOffset, input.length).toString('latin1');
      const found = known.get(name);
      if (found !== undefined) {
        output.set(found.output);
        return found.hasOutput;
      }
      const hasOutput = model.run(input, output);
      const takenBytes = input.length + output.length + overheadBytes;
      if (bytes + takenBytes <= mostBytes) {
        bytes += takenBytes;
        known.set(name, { output: output.slice(), hasOutput });
      }
      return hasOutput;
    },
  };
}
