import mqtt, { type MqttClient } from 'mqtt';
import { createCronScheduler } from '../../../../agent/adapters/cron-scheduler.js';
import {
  MqttTransport,
  type MqttTransportOptions,
} from '../../../../agent/adapters/mqtt/transport.js';
import type { Message } from '../../../../agent/ports/transport.js';
import type { TransportWorld } from '../../../contract/transport.contract.js';
import { Mailbox } from '../../../helpers/mailbox.js';
import { startRelay } from '../../../helpers/relay.js';

/** A broker that a world is built on. */
export interface Broker {
  readonly port: number;
  halt(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** Transports over real sockets, through a relay, to a real broker. */
export async function createBrokerWorld(
  broker: Broker,
  protocol: MqttTransportOptions['protocol'],
  spoken: 4 | 5,
): Promise<TransportWorld> {
  const relay = await startRelay(broker.port);
  const others: MqttClient[] = [];
  return {
    protocol: spoken,
    knowsClients: true,
    create: (clientId, spoolBytes = 1_048_576) =>
      createTransport(`mqtt://127.0.0.1:${relay.port}`, { protocol, clientId, spoolBytes }),
    cut: () => {
      relay.cut();
    },
    async stopBroker() {
      // A relay that accepts for nobody would look like a broker that closes before CONNACK.
      await relay.refuse();
      await endAll(others);
      await broker.halt();
    },
    async startBroker() {
      await broker.resume();
      await relay.listen();
    },
    async connectOther() {
      const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, {
        protocolVersion: 4,
      });
      others.push(client);
      return {
        async publish(topic, text, retained = false) {
          await client.publishAsync(topic, text, { qos: 1, retain: retained });
        },
        async observe(topic) {
          const messages = new Mailbox<Message>();
          client.on('message', (of, payload, { retain }) => {
            if (of === topic) messages.put({ topic, payload, retained: retain });
          });
          await client.subscribeAsync(topic, { qos: 1 });
          return messages;
        },
      };
    },
    async close() {
      await endAll(others);
      await relay.close();
      await broker.stop();
    },
  };
}

async function endAll(clients: MqttClient[]): Promise<void> {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
}

/** A transport on the system's clock that waits only a little before it tries again. */
export function createTransport(
  url: string | readonly [string, ...string[]],
  options: Partial<MqttTransportOptions> = {},
): MqttTransport {
  return new MqttTransport({
    urls: typeof url === 'string' ? [url] : url,
    protocol: 'auto',
    clientId: 'device',
    packetBytes: 131_072,
    spoolBytes: 1_048_576,
    scheduler: createCronScheduler(),
    // A share of 1/64 of each delay: 16 ms, 31 ms, …
    entropy: { uint32: () => 2 ** 26 },
    ...options,
  });
}
