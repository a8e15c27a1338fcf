import type { Result, Rejection } from '../../protocol/result.js';

export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retained: boolean;
}

export interface Traffic {
  readonly receivedBytes: number;
  readonly packetBytes: number;
}

export interface TransportListener {
  /**
   * A session is open. Sessions are always clean: the listener subscribes anew. `connection` counts the
   * sessions of this transport from 1.
   */
  connected(session: { readonly protocol: 4 | 5; readonly connection: number }): void;
  /** The session is gone, or an attempt failed; the transport tries again by itself with back-off. */
  disconnected(rejection: Rejection): void;
}

/**
 * MQTT as the agent sees it: QoS 1, clean sessions, exact topics.
 *
 * Bounded: packets over `packetBytes` end the session with `packet-too-large` before they are buffered.
 * Publishing while there is no session is kept in memory up to `spoolBytes`, oldest first out
 * (a retained message replaces its elder of the same topic); what was dropped is counted.
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
   * is called from within `onMessage` counts from the next message on.
   */
  subscribe(
    topic: string,
    onMessage: (message: Message) => void,
    done: (result: Result<void>) => void,
  ): () => void;
  /**
   * What has come in, for whomever: tells a slow link from a broker that has nothing to say. `receivedBytes` only
   * grows, over all sessions; `packetBytes` is the size of the packet of which a part has come, 0 where there
   * is none.
   */
  readonly traffic: Traffic;
  /** What is waiting for a session, and what was given up since the start, mostly for want of room. */
  readonly spool: { readonly waitingBytes: number; readonly droppedMessages: number };
  /**
   * Sends a DISCONNECT after what was published so far is acknowledged or `timeoutMs` has passed, and ends.
   */
  close(timeoutMs: number): Promise<void>;
}
