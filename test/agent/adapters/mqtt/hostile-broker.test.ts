import assert from 'node:assert/strict';
import type net from 'node:net';
import fc from 'fast-check';
import type { MqttTransport } from '../../../../agent/adapters/mqtt/transport.js';
import { codes } from '../../../../protocol/codes.js';
import type { Result } from '../../../../protocol/result.js';
import { codeOf, connect, listen, publish, text } from '../../../contract/transport.contract.js';
import { createTransport } from './broker-world.js';
import { connack, startRawBroker, type Answer, type RawBroker } from './raw-broker.js';

describe('a transport before a hostile broker', () => {
  let broker: RawBroker;
  const open: MqttTransport[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((transport) => transport.close(0)));
    await broker?.close();
  });
  const start = async (
    protocol: '5' | '3.1.1',
    answer: (socket: net.Socket, connackOfVersion: Uint8Array) => void,
  ): Promise<MqttTransport> => {
    broker = await startRawBroker((socket) => {
      answer(socket, connack[protocol === '5' ? 5 : 4]);
    });
    const transport = createTransport(broker.url, { protocol });
    open.push(transport);
    return transport;
  };

  for (const protocol of ['5', '3.1.1'] as const) {
    it(`ends the session at the header of a large packet (${protocol})`, async () => {
      // Never more than the header: who waited for the packet would wait for ever.
      const header = Uint8Array.of(0x90, 0x80, 0x80, 0x80, 0x01);
      const transport = await start(protocol, (socket, good) =>
        socket.write(Buffer.concat([good, header])),
      );
      const { disconnected } = listen(transport);
      assert.equal((await disconnected.next()).code, 'packet-too-large');
    });

    it(`ends the session at a length without an end (${protocol})`, async () => {
      const transport = await start(protocol, (socket, good) => {
        socket.write(good);
        socket.write(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff, 0xff));
      });
      const { disconnected } = listen(transport);
      assert.equal((await disconnected.next()).code, 'packet-too-large');
    });

    it(`takes each refusal in CONNACK for what it is (${protocol})`, async () => {
      const codesOf: Readonly<Record<number, string>> =
        protocol === '5'
          ? { 0x86: 'credentials-refused', 0x87: 'not-authorised', 0x88: 'connection-refused' }
          : { 2: 'connection-refused', 4: 'credentials-refused', 5: 'not-authorised' };
      for (const [number, code] of Object.entries(codesOf)) {
        const bytes =
          protocol === '5' ? [0x20, 3, 0, Number(number), 0] : [0x20, 2, 0, Number(number)];
        const transport = await start(protocol, (socket) => socket.end(Uint8Array.from(bytes)));
        assert.equal((await listen(transport).disconnected.next()).code, code);
        await transport.close(0);
        await broker.close();
      }
    });
  }

  it('is told why a broker of MQTT 5 ends a session', async () => {
    for (const [reason, code] of [
      [0x8e, 'session-taken-over'],
      [0x87, 'not-authorised'],
      [0x8b, 'session-ended'],
    ] as const) {
      const transport = await start('5', (socket, good) =>
        socket.end(Buffer.concat([good, Uint8Array.of(0xe0, 2, reason, 0)])),
      );
      assert.equal((await listen(transport).disconnected.next()).code, code);
      await transport.close(0);
      await broker.close();
    }
  });

  it('is told that it may not subscribe, and the session goes on', async () => {
    for (const protocol of ['5', '3.1.1'] as const) {
      const transport = await start(protocol, (socket, good) => {
        socket.write(good);
        socket.removeAllListeners('data').on('data', (packet) => {
          // SUBACK with the packet id of SUBSCRIBE: 0x87 not authorised in MQTT 5, 0x80 in 3.1.1.
          const id = packet.subarray(2, 4);
          const rest = protocol === '5' ? [0, 0x87] : [0x80];
          socket.write(
            Buffer.concat([Uint8Array.of(0x90, 2 + rest.length), id, Buffer.from(rest)]),
          );
        });
      });
      const events = await connect(transport);
      const result = await new Promise<Result<void>>((resolve) => {
        transport.subscribe('elsewhere', () => undefined, resolve);
      });
      assert.equal(codeOf(result), 'subscription-refused');
      assert.deepEqual(events.disconnected.unread, []);
      await transport.close(0);
      await broker.close();
    }
  });

  it('refuses a subscription as without a session where the session ends before SUBACK', async () => {
    const transport = await start('5', (socket, good) => {
      socket.write(good);
      socket.removeAllListeners('data').on('data', () => socket.end());
    });
    await connect(transport);
    const result = await new Promise<Result<void>>((resolve) => {
      transport.subscribe('news', () => undefined, resolve);
    });
    assert.equal(codeOf(result), 'session-ended');
  });

  it('says that it is no broker when a web server answers', async () => {
    const transport = await start('5', (socket) =>
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
    );
    assert.equal((await listen(transport).disconnected.next()).code, 'packet-invalid');
  });

  it('sends no more at a time than the broker allows, and nothing larger', async () => {
    // CONNACK with Receive Maximum 2 and Maximum Packet Size 1000 (MQTT 5, 3.2.2.3).
    const limited = Uint8Array.of(0x20, 11, 0, 0, 8, 0x21, 0, 2, 0x27, 0, 0, 3, 0xe8);
    let received = Buffer.alloc(0);
    const transport = await start('5', (socket) => {
      socket.write(limited);
      socket.removeAllListeners('data').on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
      });
    });
    await connect(transport);
    const large = { topic: 'large', payload: new Uint8Array(1_000), retained: false };
    const result = await publish(transport, large);
    assert.equal(result.ok ? 'ok' : result.rejection.code, 'publish-refused');
    for (let i = 0; i < 9; i++) transport.publish(text('small', 'x'));
    await transport.close(100);
    assert.equal(received.toString('latin1').split('small').length - 1, 2);
  });

  it('ends with a code whatever bytes come, and never crashes', async () => {
    const hostile = fc.record({
      protocol: fc.constantFrom('5' as const, '3.1.1' as const),
      greets: fc.boolean(),
      packets: fc.array(
        fc.record({
          first: fc.oneof(fc.constantFrom(0x20, 0x30, 0x32, 0x40, 0x90, 0xb0, 0xe0), fc.nat(255)),
          body: fc.oneof(
            fc.uint8Array({ maxLength: 40 }),
            // A topic of one level, a packet id, and what looks like properties.
            fc.uint8Array({ maxLength: 20 }).map((rest) => Uint8Array.of(0, 1, 97, 0, 1, ...rest)),
          ),
          lie: fc.integer({ min: -2, max: 2 }),
        }),
        { minLength: 1, maxLength: 6 },
      ),
    });
    let serve: Answer = () => undefined;
    broker = await startRawBroker((socket, packet) => {
      serve(socket, packet);
    });
    await fc.assert(
      fc.asyncProperty(hostile, async ({ protocol, greets, packets }) => {
        const bytes = packets.map(({ first, body, lie }) =>
          Buffer.concat([Uint8Array.of(first, Math.max(0, body.length + lie)), body]),
        );
        serve = (socket) => {
          if (greets) socket.write(connack[protocol === '5' ? 5 : 4]);
          socket.end(Buffer.concat(bytes));
        };
        const transport = createTransport(broker.url, { protocol });
        transport.publish(text('a', 'waiting'));
        const { disconnected } = listen(transport);
        const { code } = await disconnected.next();
        await transport.close(0);
        assert.equal(codes[code].area, 'transport');
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
