import { Socket } from 'node:net';
import { connectAsync, type MqttClient } from 'mqtt';
import { expectOk } from '../../protocol/coded-error.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import type { Disagreement } from '../../protocol/messages/disagreements.js';
import { parseEvidence, type Evidence } from '../../protocol/messages/evidence.js';
import type { EventMessage } from '../../protocol/messages/event.js';
import { parsePresence, type PresenceMessage } from '../../protocol/messages/presence.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import type { StateMessage } from '../../protocol/messages/state.js';
import { createTopics } from '../../protocol/topics.js';
import { parseDisagreements } from '../../protocol/messages/disagreements.js';
import { Journal } from './journal.js';

/** Sees on the broker what one device says of itself, and publishes as any client may. */
export class Onlooker {
  readonly results = new Journal<ResultMessage>('results');
  readonly events = new Journal<EventMessage>('events');
  readonly states = new Journal<StateMessage>('states');
  readonly presences = new Journal<PresenceMessage>('presences');
  /** What it has found out in comparisons, without those that are over. */
  readonly evidence = new Journal<Evidence>('evidence');
  /** The windows for which it asks for a label; one that has none yet is asked for again after a restart. */
  readonly disagreements = new Journal<Disagreement>('disagreements');
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
      [
        topics.evidence(deviceId, slot),
        (payload) => {
          if (payload.length === 0) return;
          const { payload: said } = expectOk(openSign1(payload, 'evidence'));
          onlooker.evidence.add(expectOk(parseEvidence(said)));
        },
      ],
      [
        topics.disagreements(deviceId, slot),
        (payload) => {
          const { payload: said } = expectOk(openSign1(payload, 'disagreements'));
          for (const each of expectOk(parseDisagreements(said)).entries) {
            onlooker.disagreements.add(each);
          }
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
