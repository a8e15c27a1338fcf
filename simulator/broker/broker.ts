import { matchesFilter } from '../../agent/adapters/mqtt/topic-filter.js';
import type { Message } from '../../agent/ports/transport.js';
import type { Lane } from '../time/lane.js';
import type { BrokerPacket, ClientPacket } from './packets.js';
import { TopicIndex } from './topic-index.js';

/** How a broker is set up; the words are those of Mosquitto. */
export interface BrokerOptions {
  /** Messages that may wait for one session, besides those that are under way (`max_queued_messages`). */
  readonly queued: number;
  /** Messages of QoS 1 that may be under way to one session (`max_inflight_messages`). */
  readonly inflight: number;
  /** The largest packet; no limit where it is undefined (`max_packet_size`). */
  readonly packetBytes: number | undefined;
  /** The newest version of MQTT that it speaks; a broker of MQTT 5 speaks 3.1.1, too. */
  readonly mqtt: '5' | '3.1.1';
}

/** What a broker does, for whoever watches. */
export interface BrokerObserver {
  /** It accepted a message, from a client or a will. */
  accepted(message: Message, clientId: string): void;
  /** A message was not kept for a client whose queue was full. */
  dropped(message: Message, clientId: string): void;
}

/** The broker's end of one connection. */
export interface BrokerConnection {
  take(packet: ClientPacket): void;
  /** The connection is gone, without a DISCONNECT. */
  lost(): void;
}

/**
 * An MQTT broker in virtual time, as Mosquitto 2 is set up by default: clean sessions, QoS 1, exact topics and `+`, retained
 * messages, wills, queue limits.
 */
export class SimulatedBroker {
  readonly lane: Lane;
  /** What is retained, by topic. */
  readonly retained = new Map<string, Uint8Array>();
  readonly #options: BrokerOptions;
  readonly #observer: BrokerObserver;
  readonly #sessions = new Map<string, BrokerSession>();
  readonly #topics = new TopicIndex<BrokerSession>();
  readonly #withheld = new Set<(topic: string) => boolean>();
  #isUp = true;

  constructor(lane: Lane, options: BrokerOptions, observer: BrokerObserver) {
    this.lane = lane;
    this.#options = options;
    this.#observer = observer;
  }

  /** Ends without a word; sessions are gone, and what is retained where the store is lost. */
  stop(store: 'kept' | 'lost'): void {
    this.#isUp = false;
    for (const session of [...this.#sessions.values()]) session.close('ended', false);
    if (store === 'lost') this.retained.clear();
  }

  start(): void {
    this.#isUp = true;
  }

  /** Ends all sessions, which may begin again at once. Their wills are published. */
  cutSessions(): void {
    for (const session of [...this.#sessions.values()]) session.close('ended', true);
  }

  /** Keeps messages on some topics back from all sessions; what is still retained of them is handed over when it is ended. */
  withhold(isMeant: (topic: string) => boolean): () => void {
    this.#withheld.add(isMeant);
    return () => {
      this.#withheld.delete(isMeant);
      for (const session of [...this.#sessions.values()]) session.catchUp();
    };
  }

  /** Used by its sessions. */
  withholds(topic: string): boolean {
    for (const isMeant of this.#withheld) if (isMeant(topic)) return true;
    return false;
  }

  /** Makes the broker's end of a connection. */
  connection(send: (packet: BrokerPacket) => void): BrokerConnection {
    let session: BrokerSession | undefined;
    return {
      take: (packet) => {
        if (packet.kind === 'connect') {
          if (!this.#isUp) {
            send({ kind: 'closed', because: 'unreachable' });
            return;
          }
          if (packet.protocol === 5 && this.#options.mqtt !== '5') {
            send({ kind: 'closed', because: 'version' });
            return;
          }
          session = new BrokerSession(packet, send, this, this.#options);
          this.#begin(session);
          send({ kind: 'connack', window: windowOf(packet.protocol, this.#options) });
        } else session?.take(packet);
      },
      lost: () => session?.close(undefined, true),
    };
  }

  /** Publishes a message as a client without a session could. */
  publish(message: Message, clientId: string): void {
    if (!this.#isUp) return;
    if (message.retained) {
      // An empty retained message removes what is retained (MQTT 3.1.1, 3.3.1.3).
      if (message.payload.length === 0) this.retained.delete(message.topic);
      else this.retained.set(message.topic, message.payload);
    }
    this.#observer.accepted(message, clientId);
    const sent = { ...message, retained: false };
    for (const session of this.#topics.of(message.topic)) session.deliver(sent);
  }

  /** Used by its sessions. */
  subscribe(session: BrokerSession, topic: string): void {
    this.#topics.add(topic, session);
    for (const kept of this.#retainedOf(topic)) session.deliver(kept);
  }

  /** Used by its sessions. */
  unsubscribe(session: BrokerSession, topic: string): void {
    this.#topics.remove(topic, session);
  }

  /** Used by its sessions. */
  dropped(message: Message, clientId: string): void {
    this.#observer.dropped(message, clientId);
  }

  /** Used by its sessions. */
  end(session: BrokerSession): void {
    if (this.#sessions.get(session.clientId) === session) this.#sessions.delete(session.clientId);
    for (const topic of session.topics) this.#topics.remove(topic, session);
  }

  #begin(session: BrokerSession): void {
    this.#sessions.get(session.clientId)?.close('taken-over', true);
    this.#sessions.set(session.clientId, session);
  }

  #retainedOf(topic: string): Message[] {
    if (!topic.includes('+')) {
      const payload = this.retained.get(topic);
      return payload === undefined ? [] : [{ topic, payload, retained: true }];
    }
    return [...this.retained]
      .filter(([each]) => matchesFilter(topic, each))
      .map(([each, payload]) => ({ topic: each, payload, retained: true }));
  }
}

/** Messages that the agent has under way at most (`agent/adapters/mqtt/session.ts`). */
const clientWindow = 16;

/** What a client may have under way; MQTT 3.1.1 has no Receive Maximum by which a broker could say less. */
function windowOf(protocol: Protocol, { inflight }: BrokerOptions): number {
  return protocol === 5 ? Math.min(clientWindow, inflight) : clientWindow;
}

type Connect = Extract<ClientPacket, { kind: 'connect' }>;
type Protocol = Connect['protocol'];

class BrokerSession {
  readonly clientId: string;
  readonly topics = new Set<string>();
  readonly #protocol: Protocol;
  readonly #will: Message | undefined;
  readonly #send: (packet: BrokerPacket) => void;
  readonly #broker: SimulatedBroker;
  readonly #options: BrokerOptions;
  readonly #queue: Message[] = [];
  /** Topics on which something was kept back. */
  readonly #missed = new Set<string>();
  #underWay = 0;
  #ended = false;

  constructor(
    { clientId, protocol, will }: Connect,
    send: (packet: BrokerPacket) => void,
    broker: SimulatedBroker,
    options: BrokerOptions,
  ) {
    this.clientId = clientId;
    this.#protocol = protocol;
    this.#will = will;
    this.#send = send;
    this.#broker = broker;
    this.#options = options;
  }

  take(packet: ClientPacket): void {
    if (this.#ended) return;
    switch (packet.kind) {
      case 'publish': {
        const { id, message } = packet;
        const { packetBytes = Infinity } = this.#options;
        const refused = message.payload.length > packetBytes;
        // PUBACK of MQTT 3.1.1 cannot say no: the session ends over what is too large.
        if (refused && this.#protocol !== 5) {
          this.close('ended', true);
          return;
        }
        if (!refused) this.#broker.publish(message, this.clientId);
        this.#send({ kind: 'puback', id, refused });
        return;
      }
      case 'puback': {
        this.#underWay--;
        const next = this.#queue.shift();
        if (next !== undefined) this.#deliverNow(next);
        return;
      }
      case 'subscribe':
        this.#send({ kind: 'suback', id: packet.id });
        this.topics.add(packet.topic);
        this.#broker.subscribe(this, packet.topic);
        return;
      case 'unsubscribe':
        this.topics.delete(packet.topic);
        this.#broker.unsubscribe(this, packet.topic);
        return;
      case 'disconnect':
        this.close(undefined, false);
        return;
      case 'connect':
        throw new Error('a second CONNECT in one session');
    }
  }

  /** What was kept back and is still retained is delivered, where it is not kept back for another reason. */
  catchUp(): void {
    for (const topic of [...this.#missed]) {
      if (this.#broker.withholds(topic)) continue;
      this.#missed.delete(topic);
      const payload = this.#broker.retained.get(topic);
      if (payload !== undefined && this.topics.has(topic))
        this.deliver({ topic, payload, retained: true });
    }
  }

  deliver(message: Message): void {
    if (this.#ended) return;
    if (this.#broker.withholds(message.topic)) {
      this.#missed.add(message.topic);
      return;
    }
    if (this.#underWay < this.#options.inflight) this.#deliverNow(message);
    else if (this.#queue.length < this.#options.queued) this.#queue.push(message);
    else this.#broker.dropped(message, this.clientId);
  }

  /** Ends the session; with its will, unless the client or the broker says goodbye. */
  close(because: 'ended' | 'taken-over' | undefined, withWill: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#broker.end(this);
    // A broker of MQTT 3.1.1 closes without a word.
    const word = this.#protocol === 5 ? because : because && 'ended';
    if (word !== undefined) this.#send({ kind: 'closed', because: word });
    if (withWill && this.#will !== undefined) this.#broker.publish(this.#will, this.clientId);
  }

  #deliverNow(message: Message): void {
    this.#underWay++;
    this.#send({ kind: 'publish', message });
  }
}
