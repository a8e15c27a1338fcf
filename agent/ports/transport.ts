import type { Result, Rejection } from '../../protocol/result.js';
import type { DeviceTopic } from '../../protocol/topics.js';

export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Of a message that comes: whether it was retained when this session subscribed, so not new. */
  readonly retained: boolean;
  /** Of a message that goes out: what it is to the device. Nothing else goes last. */
  readonly channel?: Channel;
}

/** Kinds of messages, by which they take turns, and by which those that were given up are counted. */
export type Channel = DeviceTopic['channel'] | 'other';

/** Messages that were given up since the start, mostly for want of room; a channel without any is absent. */
export type DroppedMessages = Readonly<Partial<Record<Channel, number>>>;

export interface Spool {
  readonly waitingBytes: number;
  readonly dropped: DroppedMessages;
}

/** A message that was not read, because it is larger than is read on its topic. */
export interface SkippedMessage {
  readonly topic: string;
  /** Its payload. */
  readonly bytes: number;
  readonly limitBytes: number;
}

export interface Traffic {
  readonly receivedBytes: number;
  readonly packetBytes: number;
}

export interface TransportListener {
  /**
   * A session is open. Sessions are always clean: the listener subscribes anew. `connection` counts the
   * sessions of this transport from 1, `broker` is the address without credentials.
   */
  connected(session: {
    readonly protocol: 4 | 5;
    readonly connection: number;
    readonly broker: string;
  }): void;
  /**
   * The session with this broker is gone, or an attempt failed; the transport tries again by itself, with back-off,
   * in `nextTryMs`.
   */
  disconnected(rejection: Rejection, attempt: Attempt): void;
  /** A message on a topic that is listened to was too large, and was skipped; the session goes on. */
  skipped?(message: SkippedMessage): void;
}

export interface Attempt {
  /** The address without credentials. */
  readonly broker: string;
  readonly nextTryMs: number;
}

export interface SubscribeOptions {
  /** The largest payload that is read; without it the whole packet has at most `packetBytes`. */
  readonly maxBytes?: number;
}

/**
 * MQTT as the agent sees it: QoS 1, clean sessions, exact topics.
 *
 * Bounded: messages over the limit of their topic are skipped without being buffered, acknowledged, and told;
 * other packets over `packetBytes` end the session with `packet-too-large`. What is published while there is no session
 * is kept in memory up to `spoolBytes` (a retained message replaces its elder of the same topic). What is too
 * much is dropped and counted: the oldest of the last kind that has more than its share of the room. Kinds go in
 * this order: presence and state, events, reports and telemetry, all else, answers to commands.
 *
 * Patient with brokers: where a session ends again and again over one message or subscription, its topic is
 * found out, refused and held back for a while, then tried again; all others go on. An answer that is withheld
 * ends the session with `session-unanswered`.
 */
export interface Transport {
  /**
   * Starts connecting, and keeps at it until `close`. `will` is asked anew for each session: the broker
   * publishes what it gives, if anything, when the session ends without a DISCONNECT.
   */
  open(listener: TransportListener, will?: (connection: number) => Message): void;
  /** Sends at QoS 1; `done` is called once when the broker has acknowledged it, or with the refusal. */
  publish(message: Message, done?: (result: Result<void>) => void): void;
  /**
   * Subscribes to one exact topic for the present session only; `done` is called once: at SUBACK, or with the
   * refusal, `session-ended` where there is no session or it ends before. Every message on the topic goes to
   * `onMessage`, in order of arrival, possibly twice (QoS 1), until the session ends or the returned
   * function is called.
   *
   * A topic may have any number of listeners: each gets every message, and each one's subscription brings
   * what is retained (others may get it again). The broker is told to unsubscribe when the last one leaves. What
   * is called from within `onMessage` counts from the next message on. The largest limit of its listeners holds.
   *
   * What is refused because it ended sessions is tried again by itself, in the same session too: then
   * messages come without a further word.
   */
  subscribe(
    topic: string,
    onMessage: (message: Message) => void,
    done: (result: Result<void>) => void,
    options?: SubscribeOptions,
  ): () => void;
  /**
   * What has come in, for whomever: tells a slow link from a broker that has nothing to say. `receivedBytes` only
   * grows, over all sessions; `packetBytes` is the size of the packet of which a part has come, 0 where there
   * is none.
   */
  readonly traffic: Traffic;
  /** What is waiting for a session, and what was given up since the start, mostly for want of room. */
  readonly spool: Spool;
  /**
   * Sends a DISCONNECT after what was published so far is acknowledged or `timeoutMs` has passed, and ends.
   */
  close(timeoutMs: number): Promise<void>;
}
