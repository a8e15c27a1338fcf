import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createCronScheduler } from '../../../agent/adapters/cron-scheduler.js';
import { MqttTransport } from '../../../agent/adapters/mqtt/transport.js';
import { createTopics } from '../../../protocol/topics.js';
import { openFleetEars } from '../../../operator/rollout/fleet-ears.js';
import { ManualTime } from '../../../simulator/ports/manual-time.js';
import { sampleWallMs } from '../../helpers/documents.js';

/** CONNACK: a clean session, accepted (MQTT 3.1.1, 3.2). */
const connack = Uint8Array.of(0x20, 2, 0, 0);
/** The first byte of SUBSCRIBE (MQTT 3.1.1, 3.8.1). */
const subscribe = 0x82;

describe('the ears of a controller', () => {
  const sockets: Socket[] = [];
  let server: Server;
  let transport: MqttTransport | undefined;
  afterEach(async () => {
    await transport?.close(0);
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  /** A server that takes what it is sent, and answers with these bytes alone. */
  const listen = async (answer: Uint8Array): Promise<string> => {
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        if (bytes[0] === 0x10) socket.write(answer);
        if (bytes.includes(subscribe)) server.emit('subscribing');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  const rows = [
    ['accepts a session and no subscription', connack, 'subscribing'],
    ['accepts nothing at all', new Uint8Array(), 'connection'],
  ] as const;
  for (const [what, answer, event] of rows) {
    it(`do not wait without end for a broker that ${what}`, async () => {
      const url = await listen(answer);
      transport = new MqttTransport({
        urls: [url],
        protocol: '3.1.1',
        clientId: 'operator',
        packetBytes: 131_072,
        spoolBytes: 1_048_576,
        scheduler: createCronScheduler(),
        entropy: { uint32: () => 2 ** 26 },
      });
      const time = new ManualTime(sampleWallMs);
      const asked = once(server, event);
      const problems: string[] = [];
      const opening = openFleetEars(
        transport,
        createTopics('tinylamp'),
        { deviceIds: ['a', 'b'], slot: 'vibration' },
        time.createScheduler(),
        ({ code }) => problems.push(code),
      );
      const refused = assert.rejects(opening, { code: 'broker-unreachable' });
      await asked;
      await time.advance(9_999);
      assert.deepEqual(problems, []);
      await time.advance(1);
      await refused;
    });
  }
});
