import type { Interval } from './interval.js';

/**
 * How much worse the challenger may be, on the scale of the guardrail's interval: a difference of rates, a
 * ratio of rates, a difference of milliseconds. Larger is worse.
 */
export interface Margins {
  /**
   * It is harm when the challenger is certainly worse by more than this. No loss (difference 0, ratio 1) only
   * for crashes and traps; else about half of `safe`, or a large fleet rolls back what the margin allows.
   */
  readonly harm: number;
  /** It is safe when the challenger is certainly worse by less than this; at least `harm`. */
  readonly safe: number;
}

/** What is known about one guardrail. */
export interface GuardrailEvidence {
  readonly name: string;
  readonly margins: Margins;
  /**
   * Bounds of confidence sequences of challenger against control, valid under continuous looking. Each has a
   * level of its own: the levels of all lower bounds share the chance of a false roll-back, and every upper
   * bound has the whole chance of a false promotion, because all of them must agree to it.
   */
  readonly interval: Interval;
}

/** All that a gate looks at. */
export interface GateEvidence {
  readonly guardrails: readonly GuardrailEvidence[];
  /** What else must be before a challenger is safe and is not yet, in words: soak time, coverage, maturity. */
  readonly unmet: readonly string[];
  /** Whether the time that was set for the decision has passed. */
  readonly atHorizon: boolean;
}

/** What one guardrail says: roll back, go on, or not yet. */
export type GuardrailVerdict = 'harm' | 'safe' | 'continue';

/** What the gate says; `hold` is "not yet" when time is up: expose nobody new, then revert by policy. */
export type GateVerdict = GuardrailVerdict | 'hold';

/** Which sentence of the rules gave the verdict. */
export type GateRule =
  'lower-above-harm' | 'all-upper-below-safe' | 'undecided-at-horizon' | 'undecided';

/** A judged guardrail, with the numbers that were compared. */
export interface GuardrailJudgement extends GuardrailEvidence {
  readonly verdict: GuardrailVerdict;
}

/** A verdict with everything that led to it, for the record; the same evidence gives the same record. */
export interface GateJudgement {
  readonly verdict: GateVerdict;
  readonly rule: GateRule;
  /** For people. */
  readonly reason: string;
  readonly guardrails: readonly GuardrailJudgement[];
}

/**
 * Judges a step of a rollout. Harm on any guardrail wins over everything. Safe needs every guardrail and every
 * other condition, and at least one guardrail: a challenger that nothing was asked about is not safe. What
 * is undecided when time is up is held, never shipped. Harm is final for a release: whoever keeps the record
 * does not ask again.
 */
export function judgeGate({ guardrails, unmet, atHorizon }: GateEvidence): GateJudgement {
  const judged = guardrails.map((each) => ({ ...each, verdict: judgeGuardrail(each) }));
  const harmful = judged.filter(({ verdict }) => verdict === 'harm');
  if (harmful.length > 0) {
    const reason = harmful.map(explainHarm).join('; ');
    return { verdict: 'harm', rule: 'lower-above-harm', reason, guardrails: judged };
  }
  const open = [
    ...judged.filter(({ verdict }) => verdict === 'continue').map(explainOpen),
    ...unmet,
  ];
  if (judged.length === 0) open.push('no guardrail was measured');
  if (open.length === 0) {
    const reason = `certainly within its margin: ${judged.map(({ name }) => name).join(', ')}`;
    return { verdict: 'safe', rule: 'all-upper-below-safe', reason, guardrails: judged };
  }
  const reason = open.join('; ');
  return atHorizon
    ? { verdict: 'hold', rule: 'undecided-at-horizon', reason, guardrails: judged }
    : { verdict: 'continue', rule: 'undecided', reason, guardrails: judged };
}

/**
 * Harm where the lower bound exceeds the harm margin, safe where the upper bound is below the safe margin,
 * otherwise not yet; a bound that is NaN decides nothing.
 */
export function judgeGuardrail({ interval, margins }: GuardrailEvidence): GuardrailVerdict {
  if (interval.lower > margins.harm) return 'harm';
  if (interval.upper < margins.safe) return 'safe';
  return 'continue';
}

function explainHarm({ name, interval, margins }: GuardrailEvidence): string {
  return `${name} is at least ${brief(interval.lower)}, and more than ${brief(margins.harm)} is harm`;
}

function explainOpen({ name, interval, margins }: GuardrailEvidence): string {
  return `${name} may be as much as ${brief(interval.upper)}, and less than ${brief(margins.safe)} is safe`;
}

function brief(value: number): string {
  return String(Number(value.toPrecision(4)));
}
