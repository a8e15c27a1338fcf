import type { PresenceMessage } from '../../protocol/messages/presence.js';
import type { DeviceState } from './device-messages.js';

/**
 * What one device says of itself, merged by constant work a message: whoever follows a fleet, to show it or to decide about it, knows
 * its devices by this. Its size does not depend on how much was said.
 */
export class DeviceModel {
  #presence: PresenceMessage | undefined;
  #state: DeviceState | undefined;
  #heardMs: number | undefined;

  /** Undefined where it was never heard of. */
  get online(): boolean | undefined {
    return this.#presence?.online;
  }

  get state(): DeviceState | undefined {
    return this.#state;
  }

  /** When it said something itself the last time, by the clock of whoever listens; undefined where it has not. */
  get heardMs(): number | undefined {
    return this.#heardMs;
  }

  /** It has said something that the broker had not kept. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** Gives whether it is there now and was not, or the other way round. */
  takePresence(presence: PresenceMessage): boolean {
    const known = this.#presence;
    // The will of an older session may be published after the birth of a newer one. A birth counts always:
    // the storage of the device may be new, and its numbers with it.
    if (known !== undefined && !presence.online && isOlder(presence, known)) return false;
    this.#presence = presence;
    return known?.online !== presence.online;
  }

  takeState(state: DeviceState): void {
    this.#state = state;
  }
}

function isOlder(a: PresenceMessage, b: PresenceMessage): boolean {
  return a.boot < b.boot || (a.boot === b.boot && a.connection < b.connection);
}
