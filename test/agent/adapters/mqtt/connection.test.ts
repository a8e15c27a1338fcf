import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { Connection } from '../../../../agent/adapters/mqtt/connection.js';

/** PINGRESP (MQTT 5, 3.13), the shortest packet. */
const packet = Uint8Array.of(0xd0, 0);

describe('A connection from which more comes than is read at a time', () => {
  it('is read once in a turn of the event loop, and in the end as a whole', async () => {
    const floodBytes = 4_000_000;
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(Buffer.alloc(floodBytes, packet));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    let turn = 0;
    let isOver = false;
    const readsByTurn = new Map<number, number>();
    const countTurns = (): void => {
      turn++;
      if (!isOver) setImmediate(countTurns);
    };
    countTurns();
    const connection = new Connection(
      {
        url: new URL(`mqtt://127.0.0.1:${port}`),
        tls: undefined,
        protocol: 5,
        packetBytes: 1_000,
        payloadBytesOf: () => undefined,
      },
      {
        opened: () => undefined,
        failed: ({ detail }) => assert.fail(detail),
        received: () => readsByTurn.set(turn, (readsByTurn.get(turn) ?? 0) + 1),
        sent: () => undefined,
        skipped: () => assert.fail('skipped'),
      },
    );
    try {
      let readBytes = 0;
      connection.on('data', ({ length }: Buffer) => (readBytes += length));
      await once(connection, 'close');
      assert.equal(readBytes, floodBytes);
      assert.equal(Math.max(...readsByTurn.values()), 1);
    } finally {
      isOver = true;
      connection.destroy();
      server.close();
    }
  });
});
