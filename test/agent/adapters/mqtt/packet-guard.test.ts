import assert from 'node:assert/strict';
import fc from 'fast-check';
import { PacketGuard } from '../../../../agent/adapters/mqtt/packet-guard.js';
import type { SkippedMessage } from '../../../../agent/ports/transport.js';

const packetBytes = 131_072;

/** Topics with a limit of their own, as a slot's source has. */
const own = new Map([
  ['camera', 300_000],
  ['tiny', 10],
]);

/** A guard, and what came of it. */
class Ward {
  readonly guard: PacketGuard;
  readonly skipped: SkippedMessage[] = [];
  readonly #read: Uint8Array[] = [];

  constructor(protocol: 4 | 5, most = packetBytes) {
    this.guard = new PacketGuard(
      { protocol, packetBytes: most, payloadBytesOf: (topic) => own.get(topic) },
      {
        read: (bytes) => this.#read.push(bytes),
        skipped: (message) => this.skipped.push(message),
      },
    );
  }

  get read(): Buffer {
    return Buffer.concat(this.#read);
  }

  /** The code of the refusal, if there is one. */
  take(bytes: Buffer | Uint8Array): string | undefined {
    return this.guard.take(Buffer.from(bytes))?.code;
  }
}

describe('PacketGuard', () => {
  const publish = fc.record({
    qos: fc.constantFrom(0 as const, 1 as const),
    topic: fc.constantFrom('camera', 'tiny', 'policies/é', '', 'x'.repeat(65_535)),
    id: fc.integer({ min: 1, max: 65_535 }),
    propertyBytes: fc.oneof(fc.constant(0), fc.nat(200), fc.constantFrom(131_060, 140_000)),
    payloadBytes: fc.oneof(fc.nat(20), fc.constantFrom(131_000, 131_072, 300_000, 300_001)),
  });
  const other = fc.record({
    first: fc.integer({ min: 0, max: 255 }).filter((byte) => byte >> 4 !== 3),
    bodyBytes: fc.oneof(fc.nat(300), fc.constantFrom(16_383, 16_384, 131_068)),
  });

  it('lets through what fits, and a stand-in for each message that does not, whatever the chunks', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(4 as const, 5 as const),
        fc.array(fc.oneof(publish, other), { maxLength: 8 }),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 70_000 })), {
          minLength: 1,
          maxLength: 8,
        }),
        (protocol, packets, sizes) => {
          const ward = new Ward(protocol);
          const wanted: Buffer[] = [];
          const skipped: SkippedMessage[] = [];
          const stream = Buffer.concat(
            packets.map((packet) => {
              if ('first' in packet) {
                const bytes = encode(packet.first, Buffer.alloc(packet.bodyBytes, 0xff));
                wanted.push(bytes);
                return bytes;
              }
              const bytes = encodePublish(protocol, packet);
              const { topic, payloadBytes } = packet;
              const limit = limitExceededBy(topic, payloadBytes, bytes.length);
              wanted.push(limit === undefined ? bytes : standInFor(protocol, packet));
              if (limit !== undefined) {
                skipped.push({ topic, bytes: payloadBytes, limitBytes: limit });
              }
              return bytes;
            }),
          );
          // One large chunk in each round, or it would take too long.
          sizes.push(50_000);
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = sizes[i % sizes.length] ?? 50_000;
            assert.equal(ward.take(stream.subarray(at, at + size)), undefined);
            at += size;
          }
          assert.ok(ward.read.equals(Buffer.concat(wanted)));
          assert.deepEqual(ward.skipped, skipped);
          assert.equal(ward.guard.packetUnderWay, 0);
        },
      ),
      { seed: 1, numRuns: 150 },
    );
  });

  it('skips a message that is split at any byte', () => {
    for (const protocol of [4, 5] as const) {
      const message = { qos: 1 as const, topic: 'tiny', id: 515, propertyBytes: 3 };
      const large = encodePublish(protocol, { ...message, payloadBytes: 11 });
      const next = encodePublish(protocol, { ...message, payloadBytes: 10 });
      const stream = Buffer.concat([next, large, next]);
      const wanted = Buffer.concat([next, standInFor(protocol, message), next]);
      for (let cut = 0; cut <= stream.length; cut++) {
        const ward = new Ward(protocol);
        ward.take(stream.subarray(0, cut));
        ward.take(stream.subarray(cut));
        assert.ok(ward.read.equals(wanted), `cut at ${cut}`);
      }
      const ward = new Ward(protocol);
      for (const byte of stream) ward.take(Uint8Array.of(byte));
      assert.ok(ward.read.equals(wanted));
    }
  });

  it('acknowledges nothing before the last byte has come, and tells at the first', () => {
    const ward = new Ward(4);
    const large = encodePublish(4, { topic: 'camera', payloadBytes: 300_001 });
    ward.take(large.subarray(0, 20));
    assert.equal(ward.skipped.length, 1);
    assert.equal(ward.guard.packetUnderWay, large.length);
    ward.take(large.subarray(20, -1));
    assert.equal(ward.read.length, 0);
    ward.take(large.subarray(-1));
    assert.ok(ward.read.equals(standInFor(4, { topic: 'camera' })));
  });

  it('takes any other packet of exactly the limit, header and all, and refuses the next', () => {
    assert.equal(new Ward(4).take(encode(0x90, Buffer.alloc(packetBytes - 4))), undefined);
    const refused = encode(0x90, Buffer.alloc(packetBytes - 3));
    const ward = new Ward(4);
    assert.equal(ward.take(refused.subarray(0, 4)), 'packet-too-large');
    assert.equal(ward.take(Uint8Array.of(0xd0, 0)), 'packet-too-large');
    assert.equal(ward.read.length, 0);
  });

  it('skips a message whose topic alone is larger than a packet may be', () => {
    const ward = new Ward(5, 1_000);
    const large = encodePublish(5, { topic: 'y'.repeat(2_000), payloadBytes: 0 });
    assert.equal(ward.take(large), undefined);
    assert.ok(ward.read.equals(standInFor(5, {})));
  });

  it('refuses a length that does not end after four bytes', () => {
    for (const first of [0x30, 0x90]) {
      const endless = Uint8Array.of(first, 0xff, 0xff, 0xff, 0xff);
      assert.equal(new Ward(4, 2 ** 30).take(endless), 'packet-too-large');
      const padded = Uint8Array.of(first, 0x80, 0x80, 0x80, 0x80);
      assert.equal(new Ward(5).take(padded), 'packet-too-large');
    }
  });

  it('refuses a message whose topic, identifier or properties are longer than the packet', () => {
    const cases: readonly [4 | 5, number, readonly number[]][] = [
      [4, 0x30, []],
      [4, 0x30, [0]],
      [4, 0x30, [0, 3, 97, 97]],
      [4, 0x32, [0, 1, 97, 0]],
      [5, 0x30, [0, 1, 97]],
      [5, 0x30, [0, 1, 97, 2, 0]],
      [5, 0x30, [0, 1, 97, 0x80]],
      [5, 0x30, [0, 1, 97, 0x80, 0x80, 0x80, 0x80, 0x80]],
    ];
    for (const [protocol, first, body] of cases) {
      const code = new Ward(protocol).take(encode(first, Buffer.from(body)));
      assert.equal(code, 'packet-invalid', String(body));
    }
  });

  it('refuses messages above QoS 1, which would pile up', () => {
    for (const first of [0x34, 0x35, 0x36, 0x3d]) {
      assert.equal(new Ward(4).take(encode(first, Buffer.alloc(9))), 'packet-invalid');
    }
  });
});

interface Publish {
  readonly qos?: 0 | 1;
  readonly topic?: string;
  readonly id?: number;
  readonly propertyBytes?: number;
  readonly payloadBytes?: number;
}

function encodePublish(protocol: 4 | 5, message: Publish): Buffer {
  const { qos = 0, topic = '', id = 1, propertyBytes = 0, payloadBytes = 0 } = message;
  const name = Buffer.from(topic);
  const body: Uint8Array[] = [Uint8Array.of(name.length >> 8, name.length & 255), name];
  if (qos === 1) body.push(Uint8Array.of(id >> 8, id & 255));
  if (protocol === 5) body.push(encodeLength(propertyBytes), Buffer.alloc(propertyBytes, 0x26));
  return encode(0x30 + 2 * qos, Buffer.concat([...body, Buffer.alloc(payloadBytes, 0x55)]));
}

function standInFor(protocol: 4 | 5, { qos = 0, id = 1 }: Publish): Buffer {
  return encodePublish(protocol, { qos, id, topic: '$skipped' });
}

function limitExceededBy(topic: string, payload: number, packet: number): number | undefined {
  const limit = own.get(topic);
  if (limit !== undefined && payload > limit) return limit;
  const rest = limit === undefined ? packet : packet - payload;
  return rest > packetBytes ? packetBytes : undefined;
}

/** A packet with this body. */
function encode(first: number, body: Buffer): Buffer {
  return Buffer.concat([Uint8Array.of(first), encodeLength(body.length), body]);
}

function encodeLength(length: number): Buffer {
  const bytes = [];
  let rest = length;
  do {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}
