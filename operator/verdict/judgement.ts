import type { Scope } from './evidence.js';

/** `not-yet` is neither: go on comparing. */
export type Verdict = 'harm' | 'safe' | 'not-yet';

/** What one guardrail says of one look, with the numbers that were compared. */
export interface Finding {
  /** Its name in the registry. */
  readonly guardrail: string;
  /** `safe` also where a guardrail that only stops has nothing against it. */
  readonly verdict: Verdict;
  /** Its part of alpha, for harm. */
  readonly shareOfAlpha: number;
  /** What it counted, and the limits that it compared with, by name. */
  readonly numbers: Readonly<Record<string, number>>;
  /** One sentence for people. */
  readonly reason: string;
}

/** A device that is certainly worse off, by about so much. */
export interface NamedDevice {
  readonly id: string;
  /** Its block, counted from 1, at which it was certain. */
  readonly block: number;
  /** Share of its windows lost more than won. Only that it is worse is certain, not by how much. */
  readonly loss: number;
}

/** A device that is out of the rounds for good, with the round that it did not close. */
export interface Leaver {
  readonly id: string;
  readonly round: number;
}

/** A verdict with everything that led to it. The same evidence gives the same judgement. */
export interface Judgement {
  readonly verdict: Verdict;
  /** Which guardrail decided, or is waited for; null where only other conditions are. */
  readonly guardrail: string | null;
  /** Bounds of the mean loss: at alpha / 2 over the sums of harm, at alpha over those of safety. */
  readonly lower: number;
  readonly upper: number;
  /** Counted rounds: of blocks, or of ages where the scope is the population. */
  readonly rounds: number;
  /** Blocks that each device in them has closed: `minBlocks` of the arms, once it is safe. */
  readonly blocks: number;
  readonly scope: Scope;
  /** To be kept, and given again as `named`; with those that joined later, which no share counts. */
  readonly named: readonly NamedDevice[];
  /** To be kept, and given again as `left` and `leftStep`. */
  readonly left: readonly Leaver[];
  readonly leftStep: readonly Leaver[];
  /** Why nothing is safe whatever the numbers say; empty where the evidence is believed. */
  readonly holds: readonly string[];
  /** For people. */
  readonly reason: string;
  readonly findings: readonly Finding[];
}
