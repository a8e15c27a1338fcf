import type { Report } from '../../protocol/messages/event.js';
import type { AgentSettings } from './settings.js';
import type { Channel } from '../ports/transport.js';
import type { Instant, Payload } from './effect.js';
import type { Exchange } from './exchange.js';
import type { Tasks } from './process.js';
import type { Floors } from './state/record.js';
import type { RecordKeeper } from './state/record-keeper.js';
import type { ArtifactStore } from './store/artifact-store.js';
import type { Topics } from '../../protocol/topics.js';
import type { Trust } from './trust.js';

/** What the parts of one device share. */
export interface Device {
  readonly settings: AgentSettings;
  readonly topics: Topics;
  readonly tasks: Tasks;
  readonly exchange: Exchange;
  readonly keeper: RecordKeeper;
  readonly store: ArtifactStore;
  readonly trust: Trust;
  /** The instant of the input that is being decided. */
  now(): Instant;
  /**
   * The wall time by which documents are judged: that of the clock, or the latest that a document has proved where the
   * clock is behind it.
   */
  believedMs(): number;
  /** The floors that the beacon names for a slot. */
  floorsOf(slot: string): Floors;
  /** A number that no instance had before. */
  nextHandle(): number;
  /** Publishes and logs what happened. */
  report(report: Report): void;
  /** Publishes a message; where the broker does not take it, that is told. */
  publish(channel: Channel, topic: string, payload: Payload, retained?: boolean): void;
  /** Publishes the reported state. */
  publishState(): void;
  /** Publishes what the slots have seen since the last report. */
  publishReports(): void;
  /** Removes files that no slot needs any more. */
  collectGarbage(): void;
}
