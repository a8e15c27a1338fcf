import { judge } from '../verdict/judge.js';
import type { FleetEvidence } from '../verdict/evidence.js';
import type { Judgement } from '../verdict/judgement.js';
import type { EvidenceSource } from './fleet-look.js';
import type { RolloutStatus, Step } from './rollout.js';

export type Action = 'advance' | 'promote' | 'abort' | 'hold' | 'revert';

/** What an action follows from, besides the judgement. */
export interface ActionInputs {
  readonly status: RolloutStatus;
  readonly step: Step;
  readonly steps: number;
  readonly elapsedMs: number;
  readonly horizonMs: number;
  /** How long everyone is served and watched, in the step that does only that. */
  readonly bakeMs?: number | undefined;
  /** Whether a person decided, whatever the judgement says. */
  readonly by: 'controller' | 'operator';
}

/** A verdict with all that led to it: a link of the chain of its rollout. */
export interface VerdictRecord {
  /** Milliseconds since the epoch, for people. */
  readonly t: number;
  /** Counts the records of a rollout, from 1. */
  readonly number: number;
  /** The hash of the record before; that of nothing for the first. */
  readonly previous: string;
  /** Which message of each device the evidence is from. */
  readonly sources: readonly EvidenceSource[];
  readonly evidence: FleetEvidence;
  readonly judgement: Judgement;
  readonly inputs: ActionInputs;
  readonly action: Action;
}

export const noHash = '';

/** The judgement as it is kept: numbers to 12 digits, because the last bit of a logarithm is nobody's promise. */
export function judgementOf(evidence: FleetEvidence): Judgement {
  return rounded(judge(evidence)) as Judgement;
}

/** What follows from a judgement; undefined where nothing does. A person's decision follows from nothing. */
export function actionFor(
  { verdict }: Pick<Judgement, 'verdict'>,
  { status, step, steps, elapsedMs, horizonMs, bakeMs }: ActionInputs,
): Action | undefined {
  if (bakeMs !== undefined && verdict !== 'harm') {
    // What was promised was shown before: only harm is looked for now.
    return status === 'running' && elapsedMs >= bakeMs ? 'promote' : undefined;
  }
  switch (verdict) {
    case 'harm':
      return 'abort';
    case 'safe':
      return step + 1 < steps ? 'advance' : 'promote';
    case 'not-yet':
      if (status === 'running') return elapsedMs >= horizonMs ? 'hold' : undefined;
      // Held for as long again, and nobody decided: never ship on no evidence.
      return status === 'held' && elapsedMs >= 2 * horizonMs ? 'revert' : undefined;
  }
}

function rounded(value: unknown): unknown {
  if (typeof value === 'number') return Number(value.toPrecision(12));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rounded(each)]));
}
