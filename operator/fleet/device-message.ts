import { parseEvent, parseState, type DeviceEvent, type DeviceState } from './device-messages.js';
import { parsePresence, type PresenceMessage } from '../../protocol/messages/presence.js';

/** A device's message, as far as it can be read without knowing the device. */
export type DeviceMessage =
  | { readonly channel: 'presence'; readonly message: PresenceMessage }
  /** A sign of life, unread: what it counts, a rollout knows from the evidence. */
  | { readonly channel: 'report'; readonly payload: Uint8Array }
  | { readonly channel: 'state'; readonly message: DeviceState }
  | { readonly channel: 'events'; readonly message: DeviceEvent }
  /** Signed; empty where the comparison is over. */
  | { readonly channel: 'evidence'; readonly slot: string; readonly envelope: Uint8Array };

/** Reads what a rollout listens to. Undefined for other channels, and for what no device says. */
export function readDeviceMessage(
  { channel, slot }: { readonly channel: string; readonly slot?: string | undefined },
  payload: Uint8Array,
): DeviceMessage | undefined {
  switch (channel) {
    case 'presence': {
      const message = parsePresence(payload);
      return message && { channel, message };
    }
    case 'state': {
      const message = parseState(payload);
      return message && { channel, message };
    }
    case 'report':
      return { channel, payload };
    case 'events': {
      const message = parseEvent(payload);
      return message && { channel, message };
    }
    case 'evidence':
      return slot === undefined ? undefined : { channel, slot, envelope: payload };
    default:
      return undefined;
  }
}
