import { once } from 'node:events';
import net from 'node:net';
import { Mailbox } from '../../../helpers/mailbox.js';

/** A TCP server that understands nothing but CONNECT, and answers with the bytes that a test wants. */
export interface RawBroker {
  readonly port: number;
  readonly url: string;
  /** What has connected and sent its CONNECT, in order. */
  readonly connects: Mailbox<Connect>;
  close(): Promise<void>;
}

/** A CONNECT packet (MQTT 3.1.1 and 5, 3.1). */
export interface Connect {
  readonly protocolLevel: number;
  readonly cleanStart: boolean;
  /** How many connections came before. */
  readonly index: number;
}

/** What a raw broker does with a connection whose CONNECT it has read. */
export type Answer = (socket: net.Socket, connect: Connect) => void;

/** Good CONNACKs. */
export const connack = {
  4: Uint8Array.of(0x20, 2, 0, 0),
  5: Uint8Array.of(0x20, 3, 0, 0, 0),
} as const;

/** Starts the server. */
export async function startRawBroker(answer: Answer): Promise<RawBroker> {
  const connects = new Mailbox<Connect>();
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    let index: number | undefined;
    let received = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const packet = index === undefined ? parseConnect(received) : undefined;
      if (packet === undefined) return;
      index = count++;
      const connect = { ...packet, index };
      connects.put(connect);
      answer(socket, connect);
    });
  });
  let count = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    connects,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function parseConnect(bytes: Buffer): Omit<Connect, 'index'> | undefined {
  // Type and length (the packets of these tests have up to two length bytes), then the name of the protocol.
  const name = bytes.indexOf('MQTT');
  const level = bytes[name + 4];
  const flags = bytes[name + 5];
  if (name < 0 || level === undefined || flags === undefined) return undefined;
  return { protocolLevel: level, cleanStart: (flags & 2) !== 0 };
}
