import type { WindowCounts } from '../simulation/window-ledger.js';

/** How a run stood at an instant. Counts are since its beginning. */
export interface RunSample {
  readonly atMs: number;
  /** Devices by the release that answers, and by phase; those that are off are in neither. */
  readonly releases: Readonly<Record<string, number>>;
  readonly phases: Readonly<Record<string, number>>;
  readonly windows: WindowCounts;
  /** Bytes that the broker has taken, by kind. */
  readonly bytes: Readonly<Record<string, number>>;
  readonly rollouts: Readonly<Record<string, RolloutSample>>;
}

/** What is known of a rollout: the bounds of the mean loss at the last look, and the truth beside them. */
export interface RolloutSample {
  readonly lower: number | undefined;
  readonly upper: number | undefined;
  /** Undefined where it was not asked for, or nothing was compared. */
  readonly truth: number | undefined;
}

/** What a controller decided, with the numbers that it decided by. */
export interface Decision {
  readonly rollout: string;
  readonly atMs: number;
  readonly action: string;
  readonly by: string;
  readonly lower: number;
  readonly upper: number;
  /** Of the windows that had been compared by then; undefined where there was none. */
  readonly truth: number | undefined;
  readonly rounds: number;
  readonly reason: string;
}

/** Something of the timeline. */
export interface Happening {
  readonly text: string;
  readonly fromMs: number;
  /** Undefined: over at once. */
  readonly untilMs: number | undefined;
}

/** Of one device, lines of the log before something was violated. */
export interface DeviceTale {
  readonly device: string;
  readonly atMs: number;
  readonly lines: readonly string[];
}

/** What a report shows of a run beside its outcome. The same seed gives the same record. */
export interface RunRecord {
  readonly durationMs: number;
  readonly startMs: number;
  readonly samples: readonly RunSample[];
  readonly decisions: readonly Decision[];
  readonly faults: readonly Happening[];
  /** What people did: publications and rollouts. */
  readonly actions: readonly Happening[];
  readonly tales: readonly DeviceTale[];
  /** Expectations that must hold in some seed of a search: of one run they are only told. */
  readonly sometimes: readonly string[];
  /** What each rollout promised: less loss than `safe` is safe, more than `harm` is harm. */
  readonly limits: Readonly<Record<string, { readonly safe: number; readonly harm: number }>>;
}
