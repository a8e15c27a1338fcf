import type { Rejection } from '../../protocol/result.js';
import type { Attempt, Channel, SkippedMessage } from '../ports/transport.js';
import type { Device } from './device.js';
import type { Payload } from './effect.js';
import { Repeats } from './report/repeats.js';

/** Topics of which it was told that a message was too large; of more it is only counted. */
const topicsLimit = 256;

/** What goes out over the link to the broker, and what the device says about that link. */
export class Link {
  readonly #device: Device;
  readonly #repeats = new Repeats();
  readonly #topicsTold = new Set<string>();
  #downTold = false;
  /** Whether the log tells of this session. */
  #upTold = false;
  /** Messages that the broker did not take. */
  refusedMessages = 0;
  /** Messages that were larger than is read on their topic. */
  skippedMessages = 0;

  constructor(device: Device) {
    this.#device = device;
  }

  publish(channel: Channel, topic: string, payload: Payload, retained: boolean): void {
    this.#device.tasks.ask('publish', { channel, topic, payload, retained }, (result) => {
      // What was given up for want of room is counted by the transport, and what the end took is not refused.
      if (result.ok || result.rejection.code !== 'publish-refused') return;
      this.#refused(channel, topic, result.rejection);
    });
  }

  connected(session: {
    readonly broker: string;
    readonly protocol: 4 | 5;
    readonly connection: number;
  }): void {
    const { broker, protocol, connection } = session;
    const times = this.#count(`connected ${broker}`);
    // Whoever has read that it is down reads that it is up again.
    this.#upTold = times !== undefined || this.#downTold;
    if (!this.#upTold) return;
    this.#downTold = false;
    const version = protocol === 5 ? '5' : '3.1.1';
    const fields = { broker, protocol: version, connection };
    this.#device.tasks.tell('log', { level: 'info', event: 'connected', fields });
  }

  /** The broker has answered for everything that the device listens to in this session. */
  subscribed(topics: number): void {
    if (!this.#upTold) return;
    this.#device.tasks.tell('log', { level: 'info', event: 'subscribed', fields: { topics } });
  }

  disconnected(rejection: Rejection, { broker, nextTryMs }: Attempt): void {
    const times = this.#count(`disconnected ${broker} ${rejection.code}`);
    if (times === undefined) return;
    this.#downTold = true;
    const fields = { ...rejection, broker, nextTryMs: Math.round(nextTryMs), times };
    this.#device.tasks.tell('log', { level: 'warn', event: 'disconnected', fields });
  }

  skipped({ topic, bytes, limitBytes }: SkippedMessage): void {
    this.skippedMessages++;
    if (this.#topicsTold.has(topic) || this.#topicsTold.size >= topicsLimit) return;
    this.#topicsTold.add(topic);
    this.#device.report({
      event: 'message-too-large',
      code: 'message-too-large',
      reason: `${topic}: ${bytes} bytes; at most ${limitBytes} are read`,
    });
  }

  #refused(channel: Channel, topic: string, { code, detail }: Rejection): void {
    this.refusedMessages++;
    const report = { event: 'publication-refused', code, reason: detail, topic } as const;
    // An event about events that are refused would be refused too.
    if (channel !== 'events') {
      this.#device.report(report);
      return;
    }
    const count = this.#count(`refused ${topic}`);
    if (count === undefined) return;
    const fields = { ...report, count };
    this.#device.tasks.tell('log', { level: 'warn', event: report.event, fields });
  }

  #count(cause: string): number | undefined {
    return this.#repeats.count(cause, this.#device.now().monotonicMs);
  }
}
