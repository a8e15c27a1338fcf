import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { withMemoryMaximum } from '../../../../agent/adapters/engine/memory-maximum.js';
import { instantiateCore } from '../../../../wasm/loader/core-exports.js';

const pageBytes = 65_536;

describe('the maximum of the memory of a core', () => {
  const core = new Uint8Array(readFileSync(new URL(import.meta.resolve('#core/tinylamp_bg.wasm'))));
  const leastPages = pagesOf(core);

  for (const [what, memoryBytes, mostPages] of [
    ['whole pages', 4_194_304, 64],
    ['a part of a page more, which is rounded up', 4_194_305, 65],
    ['more pages than one byte can say', 64 * 1_048_576, 1024],
    ['what the core has at its start, where less is given', 1, leastPages],
    ['its own gibibyte, where more is given', 4_294_967_296, 16_384],
  ] as const) {
    it(`is ${what}`, () => {
      const limited = withMemoryMaximum(core, memoryBytes);
      const { memory } = instantiateCore(new WebAssembly.Module(limited));
      memory.grow(mostPages - leastPages);
      assert.throws(() => memory.grow(1), RangeError);
    });
  }

  it('is all that is changed', () => {
    assert.deepEqual(withMemoryMaximum(core, 1_073_741_824), core);
  });

  it('cannot be given to what is no module with a memory', () => {
    const header = core.subarray(0, 8);
    assert.throws(() => withMemoryMaximum(header, pageBytes), /no memory/);
    const without = Uint8Array.of(...header, 5, 3, 1, 0, 1);
    assert.throws(() => withMemoryMaximum(without, pageBytes), /maximum/);
  });

  function pagesOf(bytes: Uint8Array): number {
    const { memory } = instantiateCore(new WebAssembly.Module(bytes));
    return memory.buffer.byteLength / pageBytes;
  }
});
