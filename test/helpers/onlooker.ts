import { Socket } from 'node:net';
import { connectAsync, type MqttClient } from 'mqtt';
import type { EventMessage } from '../../protocol/messages/event.js';
import { parsePresence, type PresenceMessage } from '../../protocol/messages/presence.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import type { StateMessage } from '../../protocol/messages/state.js';
import { createTopics } from '../../protocol/topics.js';
import { Journal } from './journal.js';

/** Sees on the broker what one device says of itself, and publishes as any client may. */
export class Onlooker {
  readonly results = new Journal<ResultMessage>('results');
  readonly events = new Journal<EventMessage>('events');
  readonly states = new Journal<StateMessage>('states');
  readonly presences = new Journal<PresenceMessage>('presences');
  readonly #client: MqttClient;

  private constructor(client: MqttClient) {
    this.#client = client;
  }

  /** Watches a device; comes back by itself after a restart of the broker. */
  static async of(url: string, deviceId: string, slot: string): Promise<Onlooker> {
    const client = await connectAsync(url, { reconnectPeriod: 100, protocolVersion: 4 });
    const onlooker = new Onlooker(client);
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    const topics = createTopics('tinylamp');
    const take = new Map<string, (payload: Buffer) => void>([
      [
        topics.results(deviceId, slot),
        (payload) => {
          onlooker.results.add(read(payload) as ResultMessage);
        },
      ],
      [
        topics.events(deviceId),
        (payload) => {
          onlooker.events.add(read(payload) as EventMessage);
        },
      ],
      [
        topics.state(deviceId),
        (payload) => {
          onlooker.states.add(read(payload) as StateMessage);
        },
      ],
      [
        topics.presence(deviceId),
        (payload) => {
          const presence = parsePresence(payload);
          if (presence !== undefined) onlooker.presences.add(presence);
        },
      ],
    ]);
    client.on('message', (topic, payload) => take.get(topic)?.(payload));
    await client.subscribeAsync([...take.keys()], { qos: 1 });
    return onlooker;
  }

  /** Publishes at QoS 1 and waits for the acknowledgement. */
  async publish(topic: string, payload: Uint8Array | string, retain = false): Promise<void> {
    await this.#client.publishAsync(topic, Buffer.from(payload), { qos: 1, retain });
  }

  async leave(): Promise<void> {
    await this.#client.endAsync(true);
  }
}

function read(payload: Buffer): unknown {
  return JSON.parse(payload.toString('utf8'));
}
