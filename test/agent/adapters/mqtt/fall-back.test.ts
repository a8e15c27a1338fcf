import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import type { MqttTransport } from '../../../../agent/adapters/mqtt/transport.js';
import { connect, listen } from '../../../contract/transport.contract.js';
import { findFreePort } from '../../../helpers/mosquitto.js';
import { createTransport } from './broker-world.js';
import {
  connack,
  startRawBroker,
  type Answer,
  type Connect,
  type RawBroker,
} from './raw-broker.js';

describe('the version of MQTT', () => {
  let broker: RawBroker | undefined;
  const open: MqttTransport[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((transport) => transport.close(0)));
    await broker?.close();
    broker = undefined;
  });
  const create = (...args: Parameters<typeof createTransport>): MqttTransport => {
    const transport = createTransport(...args);
    open.push(transport);
    return transport;
  };

  /** Brokers of MQTT 3.1.1, by what they do with a CONNECT of version 5. */
  const elders: readonly {
    readonly title: string;
    readonly refuse: (socket: net.Socket) => void;
    readonly levels: readonly number[];
  }[] = [
    {
      title: 'answers 1 in the format of 3.1.1',
      refuse: (socket) => socket.end(Uint8Array.of(0x20, 2, 0, 1)),
      levels: [5, 4],
    },
    {
      title: 'answers 1 and keeps the connection',
      refuse: (socket) => socket.write(Uint8Array.of(0x20, 2, 0, 1)),
      levels: [5, 4],
    },
    {
      title: 'answers 0x84',
      refuse: (socket) => socket.end(Uint8Array.of(0x20, 3, 0, 0x84, 0)),
      levels: [5, 4],
    },
    { title: 'closes', refuse: (socket) => socket.end(), levels: [5, 5, 4] },
    {
      title: 'cuts the connection',
      refuse: (socket) => socket.resetAndDestroy(),
      levels: [5, 5, 4],
    },
  ];
  for (const { title, refuse, levels } of elders) {
    it(`is 3.1.1 where the broker ${title}`, async () => {
      broker = await startRawBroker((socket, { protocolLevel }) => {
        if (protocolLevel === 4) socket.write(connack[4]);
        else refuse(socket);
      });
      const events = await connect(create(broker.url));
      assert.equal(events.first.protocol, 4);
      assert.deepEqual(await levelsOf(broker, levels.length), levels);
      // What only told the version was no failure.
      assert.deepEqual(events.disconnected.unread, []);
    });
  }

  it('stays 3.1.1 for the following sessions, and is 5 again at the next start', async () => {
    let sessions = 0;
    broker = await startRawBroker((socket, { protocolLevel }) => {
      if (protocolLevel === 5) socket.end(Uint8Array.of(0x20, 2, 0, 1));
      else {
        socket.write(connack[4]);
        if (++sessions === 1) socket.end();
      }
    });
    const events = await connect(create(broker.url));
    await events.disconnected.next();
    await events.connected.next();
    await connect(create(broker.url));
    assert.deepEqual(await levelsOf(broker, 5), [5, 4, 4, 5, 4]);
  });

  it('stays 5 where a broker closed once before CONNACK and then answers', async () => {
    broker = await startRawBroker((socket, { index }) => {
      if (index === 0) socket.end();
      else socket.write(connack[5]);
    });
    const { first } = await connect(create(broker.url));
    assert.equal(first.protocol, 5);
  });

  const refusals: readonly { readonly title: string; readonly answer: Answer; code: string }[] = [
    {
      title: 'its version is refused',
      answer: (socket) => socket.end(Uint8Array.of(0x20, 2, 0, 1)),
      code: 'protocol-unsupported',
    },
    {
      title: 'the broker closes before CONNACK',
      answer: (socket) => socket.end(),
      code: 'broker-unreachable',
    },
  ];
  for (const protocol of ['5', '3.1.1'] as const) {
    for (const { title, answer, code } of refusals) {
      it(`is never another where it is set to ${protocol} and ${title}`, async () => {
        broker = await startRawBroker(answer);
        const events = listen(create(broker.url, { protocol }));
        for (let attempt = 0; attempt < 4; attempt++) {
          assert.equal((await events.disconnected.next()).code, code);
          const sent: Connect = await broker.connects.next();
          assert.equal(sent.protocolLevel, protocol === '5' ? 5 : 4);
        }
      });
    }
  }

  it('stays 5 over refused connections', async () => {
    const port = await findFreePort();
    const events = listen(create(`mqtt://127.0.0.1:${port}`));
    for (let attempt = 0; attempt < 4; attempt++) {
      assert.equal((await events.disconnected.next()).code, 'broker-unreachable');
    }
    const server = net.createServer((socket) => {
      socket.once('data', () => socket.write(connack[5]));
      socket.on('error', () => undefined);
    });
    server.listen(port, '127.0.0.1');
    assert.equal((await events.connected.next()).protocol, 5);
    await Promise.all(open.splice(0).map((transport) => transport.close(0)));
    server.close();
  });

  it('stays 5 over names that nobody knows', async () => {
    broker = await startRawBroker((socket, { protocolLevel }) => {
      socket.write(protocolLevel === 5 ? connack[5] : connack[4]);
    });
    // RFC 6761, 6.4: `.invalid` never has an address.
    const unknown = 'mqtt://broker.invalid:1883';
    const events = listen(create([unknown, unknown, unknown, broker.url]));
    for (let attempt = 0; attempt < 3; attempt++) {
      assert.equal((await events.disconnected.next()).code, 'broker-unreachable');
    }
    assert.equal((await events.connected.next()).protocol, 5);
  });

  it('stays 5 where what answers does not speak TLS', async () => {
    broker = await startRawBroker((socket, { protocolLevel }) => {
      socket.write(protocolLevel === 5 ? connack[5] : connack[4]);
    });
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('this is no TLS\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const secure = `mqtts://127.0.0.1:${port}`;
    const events = listen(create([secure, secure, secure, broker.url]));
    for (let attempt = 0; attempt < 3; attempt++) {
      assert.equal((await events.disconnected.next()).code, 'tls-failed');
    }
    assert.equal((await events.connected.next()).protocol, 5);
    server.close();
  });

  it('always asks for a clean start', async () => {
    broker = await startRawBroker((socket, { protocolLevel }) => {
      if (protocolLevel === 4) socket.end(connack[4]);
      else socket.end(Uint8Array.of(0x20, 2, 0, 1));
    });
    const events = await connect(create(broker.url));
    await events.connected.next();
    for (let i = 0; i < 3; i++) assert.ok((await broker.connects.next()).cleanStart);
  });
});

/** The protocol levels of the next CONNECTs. */
async function levelsOf(broker: RawBroker, count: number): Promise<number[]> {
  const levels: number[] = [];
  while (levels.length < count) levels.push((await broker.connects.next()).protocolLevel);
  return levels;
}
