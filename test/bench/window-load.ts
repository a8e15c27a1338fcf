import { connectAsync, type MqttClient } from 'mqtt';
import { setTimeout as pass } from 'node:timers/promises';
import { medianOf } from '../../wasm/workbench/median.js';

/** How an agent kept up with windows at a steady rate. */
export interface LoadOutcome {
  readonly windows: number;
  /** Windows without an answer long after the last was sent. */
  readonly lost: number;
  /** How much longer the backlog was at the end than at the beginning, in milliseconds of windows. */
  readonly backlogGrowthMs: number;
  /** From sending a window to its answer. */
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** A load generator that has no time left tells nothing about the agent. */
const slowestShare = 0.98;
const attemptLimit = 5;
const tickMs = 1;
const patienceMs = 5_000;

/**
 * Sends windows at a steady rate, whether or not those before were answered, and counts the answers: they come in order, so
 * that the n-th is that of the n-th window.
 */
export class WindowLoad {
  readonly #client: MqttClient;
  readonly #topic: string;
  readonly #qos: 0 | 1;
  readonly #windows: readonly (readonly Uint8Array[])[];
  #answered = 0;
  #sentBefore = 0;
  #sentMs: number[] = [];
  #latenciesMs: number[] = [];

  private constructor(
    client: MqttClient,
    topic: string,
    qos: 0 | 1,
    windows: readonly (readonly Uint8Array[])[],
  ) {
    this.#client = client;
    this.#topic = topic;
    this.#qos = qos;
    this.#windows = windows;
  }

  /**
   * Fulfils when the agent has answered a first window.
   *
   * @param windows those that are sent in turns, each as one message or several
   */
  static async begin(
    url: string,
    topics: { readonly source: string; readonly qos: 0 | 1; readonly results: string },
    windows: readonly (readonly Uint8Array[])[],
  ): Promise<WindowLoad> {
    const client = await connectAsync(url, { reconnectPeriod: 0, protocolVersion: 4 });
    const load = new WindowLoad(client, topics.source, topics.qos, windows);
    client.on('message', () => {
      load.#hear();
    });
    // Whoever counts need not acknowledge, and the broker has more time for the agent.
    await client.subscribeAsync(topics.results, { qos: 0 });
    while (load.#answered === 0) {
      load.#send();
      await pass(200);
    }
    return load;
  }

  /** Windows that were sent so far. */
  get sent(): number {
    return this.#sentBefore + this.#sentMs.length;
  }

  /** Sends windows for a while; again where this process had no time to, and throws where it never has. */
  async run(windowsPerS: number, durationMs: number): Promise<LoadOutcome> {
    for (let attempt = 1; attempt <= attemptLimit; attempt++) {
      const outcome = await this.#runOnce(windowsPerS, durationMs);
      if (outcome.windows >= (slowestShare * windowsPerS * durationMs) / 1000) return outcome;
    }
    throw new Error(`${windowsPerS} windows a second could not be sent`);
  }

  async #runOnce(windowsPerS: number, durationMs: number): Promise<LoadOutcome> {
    await this.#settled();
    this.#begin();
    const backlogs: number[] = [];
    const beganMs = performance.now();
    for (let nowMs = beganMs; nowMs < beganMs + durationMs; nowMs = performance.now()) {
      const due = Math.floor(((nowMs - beganMs) * windowsPerS) / 1000);
      while (this.#sentMs.length < due) this.#send();
      backlogs.push(due - this.#answered);
      await pass(tickMs);
    }
    const windows = this.#sentMs.length;
    await this.#settled();
    // The first fifth is for the agent to find its pace.
    const fifth = Math.floor(backlogs.length / 5);
    const early = medianOf(backlogs.slice(fifth, 2 * fifth));
    const late = medianOf(backlogs.slice(-fifth));
    const latencies = this.#latenciesMs.toSorted((a, b) => a - b);
    return {
      windows,
      lost: windows - this.#answered,
      backlogGrowthMs: ((late - early) * 1000) / windowsPerS,
      medianMs: medianOf(latencies),
      p99Ms: latencies[Math.floor(0.99 * latencies.length)] ?? NaN,
    };
  }

  /** Keeps so many windows unanswered for a while, whatever rate that is; gives how many were answered. */
  async saturate(waiting: number, durationMs: number): Promise<number> {
    await this.#settled();
    this.#begin();
    const endMs = performance.now() + durationMs;
    while (performance.now() < endMs) {
      while (this.#sentMs.length - this.#answered < waiting) this.#send();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return this.#answered;
  }

  async end(): Promise<void> {
    await this.#client.endAsync(true);
  }

  #begin(): void {
    this.#answered = 0;
    this.#sentBefore += this.#sentMs.length;
    this.#sentMs = [];
    this.#latenciesMs = [];
  }

  #send(): void {
    const window = this.#windows[this.#sentMs.length % this.#windows.length] ?? [];
    this.#sentMs.push(performance.now());
    if (this.#qos === 1) {
      for (const message of window)
        this.#client.publish(this.#topic, message as Buffer, { qos: 1 });
      return;
    }
    // MQTT.js takes longer for each of many small messages than the agent does.
    this.#client.stream.write(
      Buffer.concat(window.map((message) => encodePublish(this.#topic, message))),
    );
  }

  #hear(): void {
    const sentMs = this.#sentMs[this.#answered++];
    if (sentMs !== undefined) this.#latenciesMs.push(performance.now() - sentMs);
  }

  /** Waits until all is answered, or nothing has come for long. */
  async #settled(): Promise<void> {
    for (let waitedMs = 0, before = -1; waitedMs < patienceMs; waitedMs += 100) {
      if (this.#answered === this.#sentMs.length) break;
      if (this.#answered !== before) waitedMs = 0;
      before = this.#answered;
      await pass(100);
    }
    await pass(100);
  }
}

/** A PUBLISH of QoS 0 (MQTT 3.1.1, 3.3) of less than 16 KiB. */
function encodePublish(topic: string, message: Uint8Array): Buffer {
  const length = 2 + topic.length + message.length;
  const head = [0x30, (length & 127) | 128, length >> 7, 0, topic.length];
  return Buffer.concat([Buffer.from(head), Buffer.from(topic), message]);
}
