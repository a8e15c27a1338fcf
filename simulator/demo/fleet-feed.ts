import type { Topics } from '../../protocol/topics.js';
import { readDeviceMessage, type DeviceMessage } from '../../operator/fleet/device-message.js';
import type { DeviceListener } from '../../operator/rollout/fleet-ears.js';

/** What a broker keeps for whoever begins to listen. */
const retained: ReadonlySet<string> = new Set(['presence', 'state', 'evidence']);

/** Hands what devices publish to whoever controls a rollout. */
export class FleetFeed {
  readonly #topics: Topics;
  readonly #listeners = new Set<DeviceListener>();
  /** The last word of each device on each topic that is retained, as with a broker. */
  readonly #kept = new Map<string, readonly [deviceId: string, heard: DeviceMessage]>();

  constructor(topics: Topics) {
    this.#topics = topics;
  }

  /** Takes a message of the broker. */
  take(topic: string, payload: Uint8Array): void {
    const about = this.#topics.parseDevice(topic);
    const heard = about && readDeviceMessage(about, payload);
    if (about === undefined || heard === undefined) return;
    if (retained.has(heard.channel)) this.#kept.set(topic, [about.deviceId, heard]);
    for (const listener of this.#listeners) listener(about.deviceId, heard, true);
  }

  /** Gives the way to stop listening. */
  listen(listener: DeviceListener): () => void {
    for (const [deviceId, heard] of this.#kept.values()) listener(deviceId, heard, false);
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
