import type { Violation } from '../checkers/inspection.js';
import type { Finding } from '../scenario/evaluation.js';
import type { Expectation } from '../scenario/expectation.js';
import type { RolloutEnd } from './rollout-log.js';
import type { WindowCounts } from './window-ledger.js';

/** How a run exits: all held, safety, an expectation, a crash, two runs that differ (the scenario contract). */
export type RunExit = 0 | 10 | 11 | 12 | 13;

/** What came of a run, as `--json` prints it. */
export interface Outcome {
  readonly scenario: string;
  readonly seed: number;
  readonly revision: string;
  readonly exit: RunExit;
  readonly reason: string;
  readonly hash: string;
  readonly devices: number;
  readonly virtualMs: number;
  readonly wallMs: number;
  readonly deviceMinutesPerSecond: number;
  readonly windows: WindowCounts;
  readonly messages: Readonly<Record<string, { readonly count: number; readonly bytes: number }>>;
  /** Messages that the broker did not keep for a client whose queue was full. */
  readonly dropped: number;
  readonly events: Readonly<Record<string, number>>;
  /** Devices that run each release at the end. */
  readonly releases: Readonly<Record<string, number>>;
  readonly rollouts: Readonly<Record<string, RolloutOutcome>>;
  readonly expectations: readonly ExpectationOutcome[];
  readonly violations: readonly Omit<Violation, 'kind'>[];
  /** Of the devices of each profile the most that one has taken, in joules, and the most writes of a block of flash. */
  readonly energyJ: Readonly<Record<string, number>>;
  readonly wear: Readonly<Record<string, number>>;
  /** Whether devices had to be where the policy wants them at the end, and why not where they had not. */
  readonly liveness: string;
  /** What the operator's commands refused, in order. */
  readonly refused: readonly string[];
  readonly replay: string;
}

export interface RolloutOutcome {
  readonly ends: RolloutEnd;
  readonly reason: string | undefined;
  readonly atMs: number | undefined;
  readonly served: number;
  readonly stay: number;
  readonly windowsServed: number;
  /** Answers of the challenger that were wrong, beyond those that the champion would have given to the same windows. */
  readonly wrong: number;
  readonly loss: LossOutcome;
}

/** The mean paired loss: the bounds of the last verdict, and what it was on the windows that devices have compared. */
export interface LossOutcome {
  readonly lower: number | undefined;
  readonly upper: number | undefined;
  /** Undefined where nothing was compared. */
  readonly truth: number | undefined;
}

export interface ExpectationOutcome {
  readonly text: string;
  readonly held: boolean;
  readonly value: number | string | undefined;
  readonly atMs: number;
}

/** What became of an expectation, for a report. */
export function expectationOutcome({ text }: Expectation, finding: Finding): ExpectationOutcome {
  const { held, value, atMs } = finding;
  return { text, held, value, atMs };
}

/** How a run exits, and why. Several reasons: the worst, as the contract orders them. */
export function exitOf(
  crash: string | undefined,
  violations: readonly Violation[],
  expectations: readonly (ExpectationOutcome & { readonly sometimes: boolean })[],
): { readonly exit: RunExit; readonly reason: string } {
  if (crash !== undefined) return { exit: 12, reason: crash };
  const unsafe = violations.find(({ kind }) => kind === 'safety');
  if (unsafe !== undefined) return { exit: 10, reason: textOf(unsafe) };
  const missed = expectations.find(({ held, sometimes }) => !held && !sometimes);
  if (missed !== undefined) {
    const value = missed.value === undefined ? 'nothing to tell' : String(missed.value);
    return { exit: 11, reason: `expected ${missed.text}; it was ${value}` };
  }
  const [late] = violations;
  if (late !== undefined) return { exit: 11, reason: textOf(late) };
  return { exit: 0, reason: 'all held' };
}

function textOf({ checker, device, text }: Violation): string {
  return `${checker}: ${device === '' ? text : `${device} ${text}`}`;
}
