import type { BrokerClient } from '../../operator/publish/broker-client.js';
import type { VibrationSignal } from '../signals/vibration-signal.js';
import { channels } from '../signals/accelerometer.js';

/** A sensor of its own on the network: publishes bursts of samples as JSON, as such sensors do. */
export class Accelerometer {
  readonly #client: BrokerClient;
  readonly #topic: string;
  readonly #signal: VibrationSignal;
  readonly #values: Float32Array;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: BrokerClient, topic: string, signal: VibrationSignal, frames: number) {
    this.#client = client;
    this.#topic = topic;
    this.#signal = signal;
    this.#values = new Float32Array(frames * channels);
  }

  start(periodMs: number, failed: (error: unknown) => void): void {
    this.#timer = setInterval(() => {
      this.#client.send(this.#topic, this.#burst()).catch(failed);
    }, periodMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#client.close();
  }

  #burst(): Uint8Array {
    this.#signal.next(this.#values);
    const axis = (offset: number): number[] =>
      Array.from({ length: this.#values.length / channels }, (_, i) => {
        // A sensor of 12 bits says no more than that.
        return Number((this.#values[i * channels + offset] ?? 0).toFixed(5));
      });
    return new TextEncoder().encode(JSON.stringify({ x: axis(0), y: axis(1), z: axis(2) }));
  }
}
