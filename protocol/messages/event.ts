import { codes, type Code } from '../codes.js';

/** Phases of a release on a device (design, section 6), as they are reported. */
export const phases = [
  'offered',
  'admitted',
  'fetching',
  'verified',
  'self-tested',
  'staged',
  'shadow',
  'trial',
  'committed',
  'rolled-back',
  'rejected',
] as const;
export type Phase = (typeof phases)[number];

export function isPhase(event: string): event is Phase {
  return phases.some((phase) => phase === event);
}

/** Things that happen outside the life of a release. */
export type Incident =
  | 'document-refused'
  | 'state-lost'
  | 'state-not-saved'
  | 'release-damaged'
  | 'factory-serving'
  | 'factory-refused'
  | 'inference-failed'
  | 'window-dropped'
  | 'sample-refused'
  | 'label-refused'
  | 'command-refused'
  | 'topic-refused'
  | 'publication-refused'
  | 'message-too-large'
  | 'source-gap'
  | 'source-silent'
  | 'source-resumed'
  | 'drift'
  | 'drift-commissioned'
  | 'evidence-lost'
  | 'stepped-aside'
  | 'trial-starved'
  | 'shadow-finished'
  | 'promoted'
  | 'beacon-missing'
  | 'beacon-stale'
  | 'beacon-ahead';

/** Something worth knowing: a phase that a release entered, or something that was refused. */
export interface Report {
  readonly event: Phase | Incident;
  readonly slot?: string;
  /** The sequence number of the release that it is about. */
  readonly release?: number;
  readonly code?: Code;
  readonly reason?: string;
  /** The topic that it is about, where that is one of several. */
  readonly topic?: string;
  /** How often the same came since it was told before, where that is more than once; `reason` is that of the last. */
  readonly count?: number;
}

/** What is published about a phase change or a refusal. */
export type EventMessage = Report & {
  /** The device's wall clock, in milliseconds since the epoch. */
  readonly t: number;
  /** What can be done about it, from the one table; with a code only. */
  readonly remedy?: string;
};

export function eventMessage(report: Report, wallMs: number): EventMessage {
  const { code } = report;
  return { t: wallMs, ...report, ...(code !== undefined && { remedy: codes[code].remedy }) };
}
