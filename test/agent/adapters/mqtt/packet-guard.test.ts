import assert from 'node:assert/strict';
import fc from 'fast-check';
import { PacketGuard } from '../../../../agent/adapters/mqtt/packet-guard.js';

const packetBytes = 131_072;

describe('PacketGuard', () => {
  it('follows any packets through any chunks, and stops at the first that is too large', () => {
    const packet = fc.record({
      // All types but PUBLISH at QoS 2 and 3.
      first: fc.integer({ min: 0, max: 255 }).filter((byte) => byte >> 4 !== 3 || (byte & 4) === 0),
      bodyBytes: fc.oneof(fc.nat(300), fc.constantFrom(16_383, 16_384, 131_068, 131_069, 200_000)),
    });
    fc.assert(
      fc.property(
        fc.array(packet, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 8 }),
        (packets, sizes) => {
          const encoded = packets.map(({ first, bodyBytes }) => encode(first, bodyBytes));
          const guard = new PacketGuard(packetBytes);
          const stream = Buffer.concat(encoded);
          let passed = 0;
          let refusal;
          for (let i = 0; passed < stream.length && refusal === undefined; i++) {
            const chunk = stream.subarray(passed, passed + (sizes[i % sizes.length] ?? 1));
            refusal = guard.check(chunk);
            if (refusal === undefined) passed += chunk.length;
          }
          const tooLarge = encoded.findIndex(({ length }) => length > packetBytes);
          assert.equal(refusal?.code, tooLarge < 0 ? undefined : 'packet-too-large');
          if (tooLarge < 0) return;
          // Of the large packet itself at most the fixed header may have passed.
          const before = encoded.slice(0, tooLarge).reduce((sum, { length }) => sum + length, 0);
          assert.ok(passed <= before + 5);
          assert.equal(guard.check(Uint8Array.of(0xd0, 0))?.code, 'packet-too-large');
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });

  it('takes a packet of exactly the limit, header and all', () => {
    assert.equal(new PacketGuard(packetBytes).check(encode(0x30, packetBytes - 4)), undefined);
    const refusal = new PacketGuard(packetBytes).check(encode(0x30, packetBytes - 3));
    assert.equal(refusal?.code, 'packet-too-large');
  });

  it('refuses a length that does not end after four bytes', () => {
    const refusal = new PacketGuard(2 ** 30).check(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff));
    assert.equal(refusal?.code, 'packet-too-large');
    const padded = new PacketGuard(packetBytes).check(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80));
    assert.equal(padded?.code, 'packet-too-large');
  });

  it('refuses messages above QoS 1, which would pile up', () => {
    for (const first of [0x34, 0x35, 0x36, 0x3d]) {
      assert.equal(new PacketGuard(packetBytes).check(encode(first, 9))?.code, 'packet-invalid');
    }
  });
});

/** A packet of so many bytes after the fixed header. */
function encode(first: number, bodyBytes: number): Buffer {
  const header = [first];
  let rest = bodyBytes;
  do {
    header.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Uint8Array.from(header), Buffer.alloc(bodyBytes, 0xff)]);
}
