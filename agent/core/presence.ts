import { parsePresence, type PresenceMessage } from '../../protocol/messages/presence.js';
import type { Channel } from '../ports/transport.js';
import type { Device } from './device.js';
import type { Payload } from './effect.js';

/** At most one correction comes in this time: anybody who may write to the topic could ask for one with each message. */
const correctionMs = 1_000;

/**
 * Keeps the retained presence right. The will of an older session may be published after the birth of a
 * newer one, so the device listens to its own presence and corrects it.
 */
export class Presence {
  readonly #device: Device;
  readonly #topic: string;
  #boot = 0;
  #stopListening: (() => void) | undefined;
  #connection = 0;
  /** Ends the pause after a correction; undefined where there is none. */
  #endPause: (() => void) | undefined;
  /** In the pause something came that is to be corrected after it. */
  #isCorrectionDue = false;

  constructor(device: Device) {
    this.#device = device;
    this.#topic = device.topics.presence(device.settings.deviceId);
  }

  /** The number of this start of the device is known. */
  booted(boot: number): void {
    this.#boot = boot;
  }

  /** A session began. */
  connected(connection: number): void {
    this.#connection = connection;
    this.#stopListening ??= this.#device.exchange.subscribe(this.#topic, {
      message: (payload) => {
        if (this.#isOlderOffline(parsePresence(payload))) this.#correct();
      },
    });
    this.#publish(true);
  }

  /** The device is about to end its session in order, whereupon the broker drops its will. */
  leave(): void {
    this.#stopListening?.();
    this.#endPause?.();
    // Last of all that waits: whoever reads it knows that nothing more comes.
    this.#publish(false, 'other');
  }

  /** The presence of a session, as it is published now or by the broker later. */
  message(online: boolean, connection: number): { topic: string; payload: Payload } {
    const presence: PresenceMessage = { online, boot: this.#boot, connection };
    return { topic: this.#topic, payload: { json: presence } };
  }

  /** The first correction at once, and one for all that comes soon after it: the last word is right. */
  #correct(): void {
    if (this.#endPause !== undefined) {
      this.#isCorrectionDue = true;
      return;
    }
    this.#isCorrectionDue = false;
    this.#publish(true);
    this.#endPause = this.#device.tasks.after(correctionMs, () => {
      this.#endPause = undefined;
      if (this.#isCorrectionDue) this.#correct();
    });
  }

  #publish(online: boolean, channel: Channel = 'presence'): void {
    const { topic, payload } = this.message(online, this.#connection);
    this.#device.publish(channel, topic, payload, true);
  }

  #isOlderOffline(presence: PresenceMessage | undefined): boolean {
    if (presence === undefined || presence.online) return false;
    const { boot, connection } = presence;
    return boot < this.#boot || (boot === this.#boot && connection < this.#connection);
  }
}
