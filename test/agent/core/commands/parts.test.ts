import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  captureParts,
  capturedParts,
  disagreementParts,
} from '../../../../agent/core/commands/parts.js';
import { limits } from '../../../../protocol/limits.js';
import {
  encodeResponse,
  type CapturePiece,
  type ResponseContent,
} from '../../../../protocol/messages/response.js';

/** As a part travels, with the longest names. */
const bytesOf = (content: ResponseContent): number =>
  encodeResponse({
    ...{ deviceId: 'd'.repeat(64), slot: 's'.repeat(32), correlation: new Uint8Array(16) },
    ...{ part: 8_191, parts: 8_192, content },
  }).length;

describe('The parts of an answer', () => {
  it('fit a message, however long labels are', () => {
    const longest = '\uffff'.repeat(limits.textBytes);
    const answer = { label: longest, scorePermille: Number.MIN_SAFE_INTEGER };
    const entry = {
      ...{ boot: 2 ** 50, window: 2 ** 50, t: 2 ** 50, champion: answer, challenger: answer },
      truth: '\uffff'.repeat(limits.labelBytes),
    };
    const many = Array.from({ length: 1_024 }, () => entry);
    const parts = disagreementParts(many);
    assert.equal(parts.flat().length, many.length);
    for (const entries of parts) {
      assert.ok(bytesOf({ kind: 'disagreements', entries }) <= limits.responseBytes);
    }
    const sizes = Array.from({ length: 1_000 }, () => ({ ...entry, bytes: 2 ** 21 }));
    for (const windows of capturedParts(sizes)) {
      assert.ok(windows.length <= limits.responseItems);
      assert.ok(bytesOf({ kind: 'captured', windows }) <= limits.responseBytes);
    }
  });

  it('hold each byte of each file once, and say what is not there', () => {
    const size = fc.integer({ min: 1, max: 300_000 });
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 12 }), (files) => {
        const kept = files.map((bytes, window) => ({ boot: 1, window, bytes }));
        const gone = { boot: 2, window: 1 };
        const parts = captureParts([...kept, gone], kept);
        const next = new Map<number, number>();
        for (const part of parts) {
          const pieces = part.map(({ length, ...piece }): CapturePiece => ({
            ...piece,
            bytes: new Uint8Array(length),
          }));
          assert.ok(bytesOf({ kind: 'capture', pieces }) <= limits.responseBytes);
          for (const { boot, window, offset, bytes } of pieces) {
            if (boot === gone.boot) continue;
            assert.equal(offset, next.get(window) ?? 0);
            next.set(window, offset + bytes.length);
          }
        }
        assert.deepEqual([...next.values()], files);
        assert.equal(parts.flat().filter(({ of }) => of === 0).length, 1);
      }),
    );
  });

  it('are one, of nothing, where there is nothing', () => {
    assert.deepEqual(disagreementParts([]), [[]]);
  });
});
