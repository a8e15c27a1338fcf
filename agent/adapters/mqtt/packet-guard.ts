import type { SkippedMessage } from '../../ports/transport.js';
import {
  readPacketHead,
  type PacketHead,
  type PacketRefusal,
  type PublishHead,
} from './packet-head.js';

export interface PacketLimits {
  readonly protocol: 4 | 5;
  /** Any packet, but for messages on topics that have a limit of their own. */
  readonly packetBytes: number;
  /** The largest payload that is read on a topic; undefined where it has no limit of its own. */
  readonly payloadBytesOf: (topic: string) => number | undefined;
}

/** Where the packets of a guard go. */
export interface PacketReader {
  /** What is to be read: all packets but those that are skipped, in order. */
  read(bytes: Uint8Array): void;
  /** A message on this topic is larger than it may be: it is thrown away as it comes. */
  skipped(message: SkippedMessage): void;
}

/**
 * A topic that nobody can listen to: brokers keep `$` for themselves (MQTT 3.1.1, 4.7.2), and none has this one.
 */
const topicOfNobody = '$skipped';

const nothing: Buffer = Buffer.alloc(0);

/**
 * Follows the packets of a connection. MQTT.js checks sizes only after the whole packet is in memory; here the
 * first bytes are enough to skip a message, or to stop.
 *
 * A message that is too large for its topic is thrown away as it comes, and none of it is kept. When its last byte
 * has come, an empty message on a topic of nobody goes on in its place, with the same packet identifier: whoever
 * reads it acknowledges it, in the order in which messages came (MQTT 3.1.1 and 5, 4.6.0-2).
 */
export class PacketGuard {
  readonly #limits: PacketLimits;
  readonly #reader: PacketReader;
  /** The start of a packet whose head has not come as a whole, and how much of it is wanted. */
  #held = nothing;
  #needBytes = 0;
  /** Bytes of the present packet that are still to come, after its head. */
  #bodyBytes = 0;
  #packetBytes = 0;
  /** What goes on in the place of the present packet, where that is skipped. */
  #standIn: Uint8Array | undefined;
  #refusal: PacketRefusal | undefined;

  constructor(limits: PacketLimits, reader: PacketReader) {
    this.#limits = limits;
    this.#reader = reader;
  }

  /** The size of the packet of which a part has come; 0 between two packets. */
  get packetUnderWay(): number {
    return this.#bodyBytes > 0 ? this.#packetBytes : this.#held.length;
  }

  /** Takes what came; says what is wrong with it, and with everything after it. */
  take(chunk: Buffer): PacketRefusal | undefined {
    let at = 0;
    /** From here on the chunk has not gone on yet. */
    let from = 0;
    const handOn = (end: number): void => {
      if (end > from) this.#reader.read(chunk.subarray(from, end));
    };
    while (at < chunk.length && this.#refusal === undefined) {
      if (this.#bodyBytes > 0) {
        at += this.#followBody(chunk.length - at);
        if (this.#standIn !== undefined) {
          from = at;
          this.#endSkipped();
        }
        continue;
      }
      const start = at;
      const before = this.#held.length;
      // What is held is never more than the head, so that all after it is body.
      const bytes =
        before === 0
          ? chunk.subarray(at)
          : Buffer.concat([this.#held, chunk.subarray(at, at + this.#needBytes - before)]);
      const head = this.#headOf(bytes);
      if ('code' in head) {
        this.#refusal = head;
      } else if ('needBytes' in head) {
        handOn(start);
        this.#held = before === 0 ? Buffer.from(bytes) : bytes;
        this.#needBytes = head.needBytes;
        from = at += bytes.length - before;
      } else {
        at += head.headBytes - before;
        this.#held = nothing;
        this.#begin(head);
        if (this.#standIn !== undefined) {
          handOn(start);
          from = at;
          this.#endSkipped();
        } else if (before > 0) {
          this.#reader.read(bytes);
          from = at;
        }
      }
    }
    if (this.#refusal === undefined) handOn(at);
    return this.#refusal;
  }

  #headOf(bytes: Buffer): ReturnType<typeof readPacketHead> {
    // The head of what is held is not there before so many bytes; a long topic is not read again for each.
    if (this.#held.length > 0 && bytes.length < this.#needBytes) {
      return { needBytes: this.#needBytes };
    }
    const head = readPacketHead(bytes, this.#limits.protocol);
    if ('code' in head || 'needBytes' in head || head.publish !== undefined) return head;
    const most = this.#limits.packetBytes;
    if (head.packetBytes <= most) return head;
    return {
      code: 'packet-too-large',
      detail: `a packet of ${head.packetBytes} bytes; at most ${most} are read`,
    };
  }

  /** The head of a packet is known: does the rest go on? */
  #begin(head: PacketHead): void {
    const { publish } = head;
    this.#packetBytes = head.packetBytes;
    this.#bodyBytes = head.packetBytes - head.headBytes;
    this.#standIn = undefined;
    if (publish === undefined) return;
    const limitBytes = this.#exceededBy(head, publish);
    if (limitBytes === undefined) return;
    const { topic, payloadBytes } = publish;
    this.#standIn = encodeStandIn(head.first, publish, this.#limits.protocol);
    this.#reader.skipped({ topic, bytes: payloadBytes, limitBytes });
  }

  /** The limit that a message exceeds, if it does. */
  #exceededBy({ packetBytes }: PacketHead, publish: PublishHead): number | undefined {
    const { topic, payloadBytes } = publish;
    const most = this.#limits.packetBytes;
    const own = this.#limits.payloadBytesOf(topic);
    if (own === undefined) return packetBytes > most ? most : undefined;
    if (payloadBytes > own) return own;
    // Properties of MQTT 5 are no payload: nobody asked for more of them than for anything else.
    return packetBytes - payloadBytes > most ? most : undefined;
  }

  #followBody(comeBytes: number): number {
    const followed = Math.min(this.#bodyBytes, comeBytes);
    this.#bodyBytes -= followed;
    return followed;
  }

  #endSkipped(): void {
    if (this.#bodyBytes > 0 || this.#standIn === undefined) return;
    this.#reader.read(this.#standIn);
    this.#standIn = undefined;
  }
}

/** An empty message with the flags and the packet identifier of another (MQTT 3.1.1 and 5, 3.3). */
function encodeStandIn(first: number, { packetId }: PublishHead, protocol: 4 | 5): Uint8Array {
  const topic = Buffer.from(topicOfNobody);
  const noProperties = protocol === 5 ? [0] : [];
  const body = [0, topic.length, ...topic, ...packetId, ...noProperties];
  return Uint8Array.of(first, body.length, ...body);
}
