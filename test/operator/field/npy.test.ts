import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeNpy } from '../../../operator/field/npy.js';
import { samplesOf } from '../../../protocol/messages/captured-window.js';

describe('A NumPy file', () => {
  it('has the magic, version 1.0, a header that ends a line, and data that begin at a multiple of 64', () => {
    const size = fc.integer({ min: 1, max: 64 });
    fc.assert(
      fc.property(size, size, fc.float({ noNaN: true }), (frames, channels, value) => {
        const values = new Float32Array(frames * channels).fill(value);
        const file = Buffer.from(encodeNpy(samplesOf(values), { frames, channels }));
        assert.deepEqual([...file.subarray(0, 8)], [0x93, ...Buffer.from('NUMPY'), 1, 0]);
        const head = 10 + file.readUInt16LE(8);
        assert.equal(head % 64, 0);
        const header = file.toString('latin1', 10, head);
        const shape = `(${frames}, ${channels})`;
        assert.equal(
          header.trimEnd(),
          `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`,
        );
        assert.ok(header.endsWith('\n'));
        assert.equal(file.length, head + 4 * values.length);
        assert.equal(file.readFloatLE(file.length - 4), Math.fround(value));
      }),
    );
  });
});
