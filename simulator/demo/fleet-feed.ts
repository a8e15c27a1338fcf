import type { Topics } from '../../protocol/topics.js';
import type { DeviceMessage } from '../../operator/rollout/controller.js';
import { DeviceReader } from '../../operator/rollout/fleet-ears.js';

type FeedListener = (deviceId: string, heard: DeviceMessage) => void;

/** Hands what devices publish to whoever controls a rollout. */
export class FleetFeed {
  readonly #topics: Topics;
  readonly #reader = new DeviceReader();
  readonly #listeners = new Set<FeedListener>();
  /** The last word of each device: who begins to listen hears it first, as with retained messages. */
  readonly #states = new Map<string, DeviceMessage>();

  constructor(topics: Topics) {
    this.#topics = topics;
  }

  /** Takes a message of the broker. */
  take(topic: string, payload: Uint8Array): void {
    const about = this.#topics.parseDevice(topic);
    const heard = about && this.#reader.read(about.deviceId, about.channel, payload);
    if (about === undefined || heard === undefined) return;
    if (heard.channel === 'state') this.#states.set(about.deviceId, heard);
    for (const listener of this.#listeners) listener(about.deviceId, heard);
  }

  /** Gives the way to stop listening. */
  listen(listener: FeedListener): () => void {
    for (const [deviceId, state] of this.#states) listener(deviceId, state);
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
