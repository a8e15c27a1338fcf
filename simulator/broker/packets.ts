import type { Message } from '../../agent/ports/transport.js';

/** What a client sends, as far as MQTT means something by it. */
export type ClientPacket =
  | {
      readonly kind: 'connect';
      /** 4 is MQTT 3.1.1. */
      readonly protocol: 4 | 5;
      readonly clientId: string;
      readonly will: Message | undefined;
    }
  | { readonly kind: 'publish'; readonly id: number; readonly message: Message }
  | { readonly kind: 'puback' }
  | { readonly kind: 'subscribe'; readonly id: number; readonly topic: string }
  | { readonly kind: 'unsubscribe'; readonly topic: string }
  | { readonly kind: 'disconnect' };

/** What a broker sends. */
export type BrokerPacket =
  | { readonly kind: 'connack'; readonly window: number }
  | { readonly kind: 'puback'; readonly id: number; readonly refused?: boolean }
  | { readonly kind: 'suback'; readonly id: number; readonly refused?: boolean }
  | { readonly kind: 'publish'; readonly message: Message }
  /** The connection is closed, with or without a word. */
  | {
      readonly kind: 'closed';
      readonly because:
        | 'ended'
        | 'taken-over'
        | 'unreachable'
        | 'unanswered'
        /** CONNACK: this version is not spoken here. */
        | 'version';
    };

/** Header, lengths and packet identifier, about. */
const overheadBytes = 10;

/** The bytes of a packet on the wire, about. */
export function sizeOf(packet: ClientPacket | BrokerPacket): number {
  if (packet.kind === 'publish')
    return overheadBytes + packet.message.topic.length + packet.message.payload.length;
  if (packet.kind === 'subscribe' || packet.kind === 'unsubscribe')
    return overheadBytes + packet.topic.length;
  return overheadBytes;
}
