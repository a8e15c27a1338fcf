import assert from 'node:assert/strict';
import { MediaDecoder } from '../../../../agent/adapters/media/media-decoder.js';
import type { MediaAnswer, MediaForm } from '../../../../agent/adapters/media/media-job.js';
import { samples16, writeWav } from '../../../helpers/wav-file.js';

const form: MediaForm = { decode: 'wav', channels: 1, sampleRateHz: undefined };
const shown = (answer: MediaAnswer): number[] | string =>
  answer.ok ? [...answer.value.values] : answer.rejection.code;

describe('decoding in a thread', () => {
  it('gives the values of a file, from the middle of a larger buffer too', async () => {
    const decoder = new MediaDecoder();
    const file = writeWav(samples16([5, -7]));
    const larger = Buffer.concat([Buffer.alloc(99), file, Buffer.alloc(99)]);
    const bytes = larger.subarray(99, 99 + file.length);
    assert.deepEqual(shown(await decoder.decode(bytes, form)), [5, -7]);
    // The message is its sender's still.
    assert.deepEqual(Uint8Array.from(bytes), file);
    assert.equal(shown(await decoder.decode(bytes.subarray(1), form)), 'sound-invalid');
    await decoder.close();
  });

  describe('that a file makes hang or die', () => {
    const program = new URL('./hostile-media-worker.js', import.meta.url);
    let decoder: MediaDecoder;
    const send = async (text: string): Promise<number[] | string> =>
      shown(await decoder.decode(Buffer.from(text), form));
    beforeEach(() => {
      decoder = new MediaDecoder({ program, deadlineMs: 2_000 });
    });
    afterEach(() => decoder.close());

    const fates = [
      ['hangs', 'h', 'decoder-late'],
      ['dies', 'd', 'decoder-gone'],
      ['ends its thread', 'x', 'decoder-gone'],
    ] as const;
    for (const [what, file, code] of fates) {
      it(`loses the file that ${what}, and goes on with the next`, async () => {
        const outcomes = await Promise.all([send('a1'), send(file), send('a2')]);
        assert.deepEqual(outcomes, [[49], code, [50]]);
        assert.deepEqual(await send('a3'), [51]);
      });
    }

    it('loses the file that eats all memory of its thread, and goes on with the next', async () => {
      decoder = new MediaDecoder({ program, deadlineMs: 30_000 });
      assert.deepEqual(await Promise.all([send('m'), send('a2')]), ['decoder-gone', [50]]);
    });

    it('refuses what comes faster than it decodes, in its turn', async () => {
      const order: number[] = [];
      const sent = Array.from({ length: 19 }, async (_, i) => {
        const outcome = await send(i === 0 ? 'h' : 'a1');
        order.push(i);
        return outcome;
      });
      const outcomes = await Promise.all(sent);
      assert.equal(outcomes[0], 'decoder-late');
      assert.deepEqual(outcomes[16], [49]);
      assert.deepEqual(outcomes.slice(17), ['decoder-behind', 'decoder-behind']);
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      );
    });

    it('refuses what waits when it is closed', async () => {
      const outcomes = Promise.all([send('h'), send('a1')]);
      await decoder.close();
      assert.deepEqual(await outcomes, ['decoder-gone', 'decoder-gone']);
      assert.equal(await send('a1'), 'decoder-gone');
    });
  });
});
