import type { Code } from './codes.js';
import type { Instant } from './effect.js';
import type { Exchange } from './exchange.js';
import type { Tasks } from './process.js';
import type { RecordKeeper } from './state/record-keeper.js';
import type { Topics } from './topics.js';
import type { Trust } from './trust.js';
import type { SlotLimits } from './update/admission.js';

/** What the core is told about itself when it is made; frozen. */
export interface AgentSettings {
  readonly deviceId: string;
  /** Strata of the device; `class` may be the target of a release. */
  readonly labels: Readonly<Record<string, string>>;
  readonly agentVersion: readonly [major: number, minor: number, patch: number];
  /** The first part of every topic. */
  readonly prefix: string;
  /** The first keyset, from the file that the owner trusts, never from the broker. */
  readonly keyset: Uint8Array;
  readonly slots: ReadonlyMap<string, SlotSettings>;
}

/** What the owner of the device says about one slot. */
export interface SlotSettings {
  readonly limits: SlotLimits;
  /** Where the true labels of windows come from, if they do: `{"window": 12, "label": "normal"}`. */
  readonly labelsTopic?: string | undefined;
  /** Whether samples come as pictures, each of which is a whole window. */
  readonly pictures?: boolean;
  /** Where results go. */
  readonly sink: { readonly topic: string | undefined; readonly encode: 'json' | 'cbor' };
}

/** Phases of a release on a device (design, section 6), as they are reported. */
export type Phase =
  | 'offered'
  | 'admitted'
  | 'fetching'
  | 'verified'
  | 'self-tested'
  | 'staged'
  | 'shadow'
  | 'trial'
  | 'committed'
  | 'rolled-back'
  | 'rejected';

/** What the parts of one device share. */
export interface Device {
  readonly settings: AgentSettings;
  readonly topics: Topics;
  readonly tasks: Tasks;
  readonly exchange: Exchange;
  readonly keeper: RecordKeeper;
  readonly trust: Trust;
  /** The instant of the input that is being decided. */
  now(): Instant;
  /** A number that no instance had before. */
  nextHandle(): number;
  /** Publishes and logs what happened. */
  report(report: Report): void;
  /** Publishes the reported state. */
  publishState(): void;
  /** Publishes what the slots have seen since the last report. */
  publishReports(): void;
  /** Removes files that no slot needs any more. */
  collectGarbage(): void;
}

/** Something worth knowing: a phase that a release entered, or something that was refused. */
export interface Report {
  readonly event: Phase | Incident;
  readonly slot?: string;
  /** The sequence number of the release that it is about. */
  readonly release?: number;
  readonly code?: Code;
  readonly reason?: string;
}

/** Things that happen outside the life of a release. */
export type Incident =
  | 'document-refused'
  | 'state-lost'
  | 'state-not-saved'
  | 'release-damaged'
  | 'inference-failed'
  | 'window-dropped'
  | 'sample-refused'
  | 'label-refused'
  | 'topic-refused'
  | 'trial-starved'
  | 'shadow-finished'
  | 'promoted'
  | 'beacon-stale';
