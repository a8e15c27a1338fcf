import { accept, refuse, type Rejection, type Result } from '../../../protocol/result.js';
import type { Channel, DroppedMessages, Message } from '../../ports/transport.js';
import { OutboxLevel, type Entry } from './outbox-level.js';
import { heldBackBecause, type Request, type Suspects } from './suspects.js';

/** What a message takes besides its bytes, about. */
const overheadBytes = 64;

/** What goes first: what the device is and decides, then what it measures, then what it was made for in numbers. */
const ranks: readonly (readonly Channel[])[] = [
  ['presence', 'state'],
  ['events'],
  ['report', 'telemetry', 'evidence', 'disagreements'],
  ['results', 'other'],
  // Whoever asked can ask again: answers go where nothing else waits, and have no share of the room.
  ['responses', 'commands'],
];

/** Which rank a channel has. */
const rankOf: ReadonlyMap<Channel, number> = new Map(
  ranks.flatMap((channels, rank) => channels.map((channel) => [channel, rank] as const)),
);

/** All but the last. */
const sharingRanks = ranks.length - 1;

/** Whoever waits behind a flood of something that goes first gets every place of this number. */
const sharedPlace = 8;

/**
 * Messages until the broker has acknowledged them, over sessions, in order within a rank. Without a session they
 * wait, up to a number of bytes; then the oldest go, of the last rank that takes more than its share.
 */
export class Outbox {
  readonly #limitBytes: number;
  readonly #suspects: Suspects;
  readonly #levels = ranks.map(() => new OutboxLevel());
  /** Sent in this session and not acknowledged yet; all are older than what waits in their rank. */
  #underWay = new Set<Entry>();
  /** The entry of a retained topic that waits. */
  readonly #retained = new Map<string, Entry>();
  #bytes = 0;
  #places = 0;
  #closed: Rejection | undefined;
  readonly #dropped: Partial<Record<Channel, number>> = {};

  constructor(limitBytes: number, suspects: Suspects) {
    this.#limitBytes = limitBytes;
    this.#suspects = suspects;
  }

  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Messages that were given up, by channel. */
  get dropped(): DroppedMessages {
    return { ...this.#dropped };
  }

  /** Whether there is nothing to send or to be acknowledged; what is held back is not waited for. */
  get isEmpty(): boolean {
    return this.#underWay.size === 0 && !this.#levels.some(({ isReady }) => isReady);
  }

  add(message: Message, done?: (result: Result<void>) => void): void {
    if (this.#closed !== undefined) {
      done?.({ ok: false, rejection: this.#closed });
      return;
    }
    const bytes = overheadBytes + message.topic.length + message.payload.length;
    const entry: Entry = { message, bytes, done };
    this.#bytes += bytes;
    // Of a retained topic only the last value matters, as long as the one before has not left.
    const elder = message.retained ? this.#retained.get(message.topic) : undefined;
    levelOf(this.#levels, entry).add(entry);
    if (message.retained) this.#retained.set(message.topic, entry);
    if (elder !== undefined) {
      this.#leave(elder);
      elder.done?.(accept(undefined));
    }
    while (this.#bytes > this.#limitBytes) {
      const least = this.#leastWanted();
      if (least === undefined) break;
      this.#leave(least);
      this.#giveUp(least, refuse('spool-full', `a message for ${least.message.topic} was dropped`));
    }
  }

  /** Takes the next messages to send, as long as fewer than `window` are under way. */
  *takeUpTo(window: number): Generator<{
    readonly message: Message;
    readonly settle: (result: Result<void>) => void;
  }> {
    this.#releaseTopics();
    while (this.#underWay.size < window) {
      const level = this.#nextLevel();
      const entry = level?.first();
      if (level === undefined || entry === undefined) return;
      const request = `publish ${entry.message.topic}` as const;
      const leave = this.#suspects.leaveFor(request);
      if (leave === 'wait') return;
      if (leave === 'held') {
        level.holdBack(entry.message.topic);
        continue;
      }
      this.#places++;
      this.#suspects.made(request);
      level.remove(entry);
      if (this.#retained.get(entry.message.topic) === entry) {
        this.#retained.delete(entry.message.topic);
      }
      this.#underWay.add(entry);
      yield {
        message: entry.message,
        settle: (result) => {
          if (!this.#underWay.delete(entry)) return;
          this.#suspects.answered(request);
          this.#bytes -= entry.bytes;
          entry.done?.(result);
        },
      };
    }
  }

  /**
   * The session is gone: what it did not acknowledge is sent again in the next one (QoS 1).
   *
   * @param condemned what has ended sessions: a message on such a topic is given up
   */
  sessionEnded(condemned: Request | undefined): void {
    const entries = [...this.#underWay];
    this.#underWay = new Set();
    const isCondemned = ({ message }: Entry): boolean => `publish ${message.topic}` === condemned;
    const kept = entries.filter((entry) => !isCondemned(entry));
    // Of a retained topic a later value may wait, which makes this one pointless.
    const pointless = kept.filter(({ message: { retained, topic } }, i) => {
      const isLast = !kept.slice(i + 1).some(({ message }) => message.topic === topic);
      return retained && (this.#retained.has(topic) || !isLast);
    });
    const again = kept.filter((entry) => !pointless.includes(entry));
    for (const level of this.#levels) {
      level.putBack(again.filter((entry) => levelOf(this.#levels, entry) === level));
    }
    for (const entry of again) {
      if (entry.message.retained) this.#retained.set(entry.message.topic, entry);
    }
    for (const entry of pointless) {
      this.#bytes -= entry.bytes;
      entry.done?.(accept(undefined));
    }
    for (const entry of entries.filter(isCondemned)) {
      this.#bytes -= entry.bytes;
      levelOf(this.#levels, entry).holdBack(entry.message.topic);
      const detail = `${entry.message.topic}: ${heldBackBecause}`;
      this.#giveUp(entry, refuse('publish-refused', detail));
    }
  }

  /** No session will come any more: what waits, and what is still added, gets this refusal. */
  close(rejection: Rejection): void {
    this.#closed = rejection;
    const entries = [...this.#underWay, ...this.#levels.flatMap((level) => level.clear())];
    this.#underWay = new Set();
    this.#retained.clear();
    this.#bytes = 0;
    for (const { done } of entries) done?.({ ok: false, rejection });
  }

  #nextLevel(): OutboxLevel | undefined {
    const isShared = (this.#places + 1) % sharedPlace === 0;
    const last = isShared
      ? this.#levels.findLast(({ isReady }, i) => i < sharingRanks && isReady)
      : undefined;
    return last ?? this.#levels.find(({ isReady }) => isReady);
  }

  /** An answer, or the oldest of the last rank that takes more than its share: no rank can push out all of another. */
  #leastWanted(): Entry | undefined {
    const share = this.#limitBytes / sharingRanks;
    const upwards = [...this.#levels].reverse();
    const level =
      upwards.find(({ bytes }, i) => bytes > (i === 0 ? 0 : share)) ??
      upwards.find(({ bytes }) => bytes > 0);
    return level?.leastWanted();
  }

  #releaseTopics(): void {
    for (const level of this.#levels) {
      if (!level.holdsBack) continue;
      for (const topic of level.topicsHeldBack) {
        if (this.#suspects.leaveFor(`publish ${topic}`) !== 'held') level.release(topic);
      }
    }
  }

  #leave(entry: Entry): void {
    levelOf(this.#levels, entry).remove(entry);
    this.#bytes -= entry.bytes;
    const { topic } = entry.message;
    if (this.#retained.get(topic) === entry) this.#retained.delete(topic);
  }

  #giveUp({ message: { channel = 'other' }, done }: Entry, refusal: Result<void>): void {
    this.#dropped[channel] = (this.#dropped[channel] ?? 0) + 1;
    done?.(refusal);
  }
}

function levelOf(
  levels: readonly OutboxLevel[],
  { message: { channel = 'other' } }: Entry,
): OutboxLevel {
  const level = levels[rankOf.get(channel) ?? -1];
  if (level === undefined) throw new Error(`no rank for ${channel}`);
  return level;
}
