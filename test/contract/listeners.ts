import type { Message } from '../../agent/ports/transport.js';
import { Mailbox } from '../helpers/mailbox.js';

/** Who hears what a broker in memory accepts, by exact topic. */
export class Listeners {
  readonly #byTopic = new Map<string, Set<(message: Message) => void>>();

  /** The broker has accepted a message. */
  hear(message: Message): void {
    for (const hear of this.#byTopic.get(message.topic) ?? [])
      hear({ ...message, retained: false });
  }

  /** What comes on a topic from now on, behind what is retained there. */
  observe(topic: string, retained: ReadonlyMap<string, Uint8Array>): Mailbox<Message> {
    const messages = new Mailbox<Message>();
    const payload = retained.get(topic);
    if (payload !== undefined) messages.put({ topic, payload, retained: true });
    this.#byTopic.set(topic, (this.#byTopic.get(topic) ?? new Set()).add(messages.put));
    return messages;
  }
}
