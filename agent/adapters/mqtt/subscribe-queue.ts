import { refuse, type Result } from '../../../protocol/result.js';
import { heldBackBecause, type Suspects } from './suspects.js';

type Done = (result: Result<void>) => void;

interface Waiting {
  readonly topic: string;
  readonly done: Done;
}

/** What is to be subscribed in one session, in order; what is suspect goes alone. */
export class SubscribeQueue {
  readonly #suspects: Suspects;
  readonly #send: (topic: string, done: Done) => void;
  #waiting: Waiting[] = [];
  /** Topics that were refused because they are held back; they are tried again in this session. */
  readonly #heldBack = new Set<string>();

  /** @param send sends a SUBSCRIBE, and calls `done` at SUBACK or at the end of the session */
  constructor(suspects: Suspects, send: (topic: string, done: Done) => void) {
    this.#suspects = suspects;
    this.#send = send;
  }

  add(topic: string, done: Done): void {
    this.#waiting.push({ topic, done });
  }

  /** Sends what may go now. False where an answer must come first, before anything else is asked. */
  flush(): boolean {
    for (const topic of this.#heldBack) {
      if (this.#suspects.leaveFor(`subscribe ${topic}`) === 'held') continue;
      this.#heldBack.delete(topic);
      // Whoever asked was given the refusal; where the broker has changed its mind, messages come.
      this.#waiting.push({ topic, done: () => undefined });
    }
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const { topic, done } = next;
      const request = `subscribe ${topic}` as const;
      const leave = this.#suspects.leaveFor(request);
      if (leave === 'wait') return false;
      this.#waiting.shift();
      if (leave === 'held') {
        this.#heldBack.add(topic);
        const detail = `${topic}: ${heldBackBecause}`;
        done(refuse('subscription-refused', detail));
        continue;
      }
      this.#suspects.made(request);
      this.#send(topic, (result) => {
        // The end of a session is no answer; what it means is found out elsewhere.
        if (result.ok || result.rejection.code !== 'session-ended') {
          this.#suspects.answered(request);
        }
        done(result);
      });
    }
    return true;
  }

  /** Nobody wants this topic any more. */
  withdraw(topic: string): void {
    this.#heldBack.delete(topic);
    const gone = this.#waiting.filter((each) => each.topic === topic);
    this.#waiting = this.#waiting.filter((each) => each.topic !== topic);
    for (const { done } of gone) {
      done(refuse('session-ended', `${topic}: left before it was subscribed`));
    }
  }

  /** The session is over. */
  clear(): void {
    this.#heldBack.clear();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { topic, done } of waiting) {
      done(refuse('session-ended', `${topic}: the session ended before SUBSCRIBE`));
    }
  }
}
