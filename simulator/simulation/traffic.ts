import type { Message } from '../../agent/ports/transport.js';
import type { DeviceTopic } from '../../protocol/topics.js';

/** Kinds of messages, as reports of runs name them. */
export type MessageKind =
  | 'results'
  | 'report'
  | 'evidence'
  | 'telemetry'
  | 'state'
  | 'presence'
  | 'events'
  | 'disagreements'
  | 'commands'
  | 'responses'
  | 'blocks'
  | 'documents'
  | 'labels';

/** How many messages of each kind the broker has accepted, and their bytes. */
export class Traffic {
  readonly #counts = new Map<MessageKind, { count: number; bytes: number }>();

  add(kind: MessageKind, { topic, payload }: Message): void {
    const counts = this.#counts.get(kind) ?? { count: 0, bytes: 0 };
    counts.count++;
    counts.bytes += topic.length + payload.length;
    this.#counts.set(kind, counts);
  }

  of(kind: MessageKind): { readonly count: number; readonly bytes: number } {
    return this.#counts.get(kind) ?? { count: 0, bytes: 0 };
  }

  toJson(): Readonly<Record<string, { readonly count: number; readonly bytes: number }>> {
    return Object.fromEntries(this.#counts);
  }
}

/** The kind of a message by its topic. @param about what the topic says of a device, if anything */
export function kindOf(topic: string, about: DeviceTopic | undefined): MessageKind {
  if (about !== undefined) return about.channel;
  if (topic.startsWith(truthPrefix)) return 'labels';
  return topic.includes('/blocks/') ? 'blocks' : 'documents';
}

/** Where the true labels of a device go. */
export function truthTopicOf(deviceId: string): string {
  return `${truthPrefix}${deviceId}`;
}

const truthPrefix = 'truth/';

/** The prefix of all topics of a run. */
export const prefix = 'tinylamp';
