import type { Violation } from '../checkers/inspection.js';
import type { RunEnd } from '../checkers/checker.js';
import type { Evaluation } from '../scenario/evaluation.js';
import type { Scenario } from '../scenario/scenario.js';
import { exitOf, expectationOutcome, type Outcome } from './outcome.js';
import type { RolloutLog } from './rollout-log.js';
import { livenessOf } from './run-end.js';
import type { DeviceState } from './shard.js';
import type { Simulation } from './simulation.js';
import type { Terms } from './terms.js';

/** A run that is over. */
export interface EndedRun {
  readonly scenario: Scenario;
  readonly simulation: Simulation;
  readonly rollouts: ReadonlyMap<string, RolloutLog>;
  readonly terms: Terms;
  readonly states: readonly DeviceState[];
  readonly end: RunEnd;
  readonly violations: readonly Violation[];
  readonly evaluations: readonly Evaluation[];
  readonly refused: readonly string[];
  readonly crash: string | undefined;
  readonly hash: string;
  readonly wallMs: number;
}

/** What came of a run. */
export function outcomeOf(run: EndedRun): Omit<Outcome, 'revision' | 'replay'> {
  const { scenario, simulation, rollouts, terms, states, end, violations, wallMs } = run;
  const expectations = run.evaluations.map((evaluation) => ({
    ...expectationOutcome(evaluation.expectation, evaluation.conclude()),
    sometimes: evaluation.expectation.sometimes,
  }));
  const devices = states.length;
  return {
    scenario: scenario.name,
    seed: scenario.seed,
    ...exitOf(run.crash, violations, expectations),
    hash: run.hash,
    devices,
    virtualMs: end.atMs,
    wallMs: Math.round(wallMs),
    deviceMinutesPerSecond: Math.round((devices * end.atMs) / 60 / wallMs),
    windows: terms.windows(),
    messages: simulation.traffic.toJson(),
    dropped: simulation.droppedAtBroker,
    events: eventsOf(simulation),
    releases: countBy(states, ({ facts }) => facts.release ?? 'unknown'),
    rollouts: Object.fromEntries(
      [...rollouts].map(([name, log]) => [name, rolloutOutcome(name, log, terms)]),
    ),
    expectations: expectations.map(({ text, held, value, atMs }) => ({ text, held, value, atMs })),
    violations: violations.map(({ checker, device, atMs, text }) => ({
      checker,
      device,
      atMs,
      text,
    })),
    liveness: livenessOf(end),
    energyJ: byProfile(states, ({ joules }) => joules),
    wear: byProfile(states, ({ mostWrites }) => mostWrites),
    refused: run.refused,
  };
}

function rolloutOutcome(name: string, log: RolloutLog, terms: Terms): Outcome['rollouts'][string] {
  const read = (of: 'served' | 'stay'): number =>
    Number(terms.read({ kind: 'rollout', rollout: name, of }) ?? 0);
  const { judgement } = log.last ?? {};
  return {
    ends: log.ends,
    reason: log.reason,
    atMs: log.atMs,
    served: read('served'),
    stay: read('stay'),
    windowsServed: log.windowsServed,
    wrong: log.wrong,
    loss: { lower: judgement?.lower, upper: judgement?.upper, truth: log.truth.loss },
  };
}

function eventsOf({ logs }: Simulation): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { codes } of logs.values())
    for (const [code, count] of codes) sum[code] = (sum[code] ?? 0) + count;
  return sum;
}

function countBy(
  states: readonly DeviceState[],
  nameOf: (state: DeviceState) => string,
): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const state of states) sum[nameOf(state)] = (sum[nameOf(state)] ?? 0) + 1;
  return sum;
}

/** The greatest of a figure of the devices of each profile. */
function byProfile(
  states: readonly DeviceState[],
  of: (state: DeviceState) => number,
): Record<string, number> {
  const most: Record<string, number> = {};
  for (const state of states) most[state.profile] = Math.max(most[state.profile] ?? 0, of(state));
  return most;
}
