import type { SigningKey } from '../../agent/adapters/signing-key.js';
import type { Code } from '../../protocol/codes.js';
import { CodedError } from '../../protocol/coded-error.js';
import { everyone } from '../../protocol/documents/policy.js';
import { defaultPlanTerms, type RolloutPlan } from '../../operator/rollout/rollout.js';
import type { BuiltRelease } from '../people/releases.js';
import type { RolloutWatch } from '../people/control-rollout.js';
import type { SimulatedOperator } from '../people/operator.js';
import type { DeviceNumbers, RolloutStart, Scenario, TimelineEntry } from '../scenario/scenario.js';
import { befall } from './befall.js';
import { isDeviceFault } from './device-timeline.js';
import { RolloutLog } from './rollout-log.js';
import type { Simulation } from './simulation.js';

/** What a timeline acts upon. */
export interface Stage {
  readonly scenario: Scenario;
  readonly simulation: Simulation;
  readonly operator: SimulatedOperator;
  readonly releases: ReadonlyMap<string, BuiltRelease>;
  readonly rollouts: Map<string, RolloutLog>;
  /** By which policies and beacons are signed: it may be stolen. */
  readonly key: SigningKey;
  /** Gives commands again that were given and have not ended, where their processes were killed. By what they do. */
  readonly unfinished: Map<string, () => void>;
  /** More devices are enrolled; they start by themselves. */
  readonly enrol: (numbers: DeviceNumbers) => void;
  /** A command of the operator failed as it can in the world: it is told, and the run goes on. */
  readonly refused: (what: string, error: CodedError) => void;
  /** Anything else ends the run. */
  readonly failed: (error: unknown) => void;
}

/** Lets all entries of the timeline happen when they are due; what they do to devices is for those (`device-timeline.ts`). */
export function schedule(stage: Stage): void {
  const { simulation, scenario } = stage;
  for (const [i, entry] of scenario.timeline.entries()) {
    simulation.hub.after(entry.atMs, () => {
      simulation.record('timeline', undefined, { action: entry.action, entry: i });
      act(entry, i, stage);
    });
  }
}

function act(entry: TimelineEntry, index: number, stage: Stage): void {
  switch (entry.action) {
    case 'publish': {
      const { release, soakMs, inferences } = entry;
      const { file } = releaseOf(release, stage);
      command(`publish ${release}`, stage, () =>
        stage.operator.publish(file, { soakMs, inferences }),
      );
      return;
    }
    case 'rollout':
      rollOut(entry, stage);
      return;
    case 'rollout-request':
      stage.operator.request(entry.request);
      return;
    case 'join':
      stage.enrol(entry.devices);
      return;
    case 'enrol-again':
      return;
    case 'fault':
      if (!isDeviceFault(entry.fault)) befall(entry.fault, entry.untilMs, index, stage);
      return;
  }
}

function rollOut(entry: RolloutStart, stage: Stage): void {
  const { name, release } = entry;
  const { file } = releaseOf(release, stage);
  const { sequence } = file.manifest;
  const log = new RolloutLog(name, release, sequence, stage.simulation.time.nowMs);
  stage.rollouts.set(name, log);
  command(`rollout ${name}`, stage, async () => {
    await stage.operator.rollOut(file, planOf(entry, stage.scenario), watchOf(log, stage));
  });
}

function watchOf(log: RolloutLog, { simulation }: Stage): RolloutWatch {
  return {
    progress: (rollout) => {
      log.rollout = rollout;
    },
    decided: (rollout, verdict) => {
      log.rollout = rollout;
      // Told again where a controller goes on.
      if (verdict.number <= (log.last?.number ?? 0)) return;
      log.last = verdict;
      log.atMs = simulation.time.nowMs;
      simulation.inspect({ kind: 'decided', rollout: log.name, verdict });
      const { action, judgement } = verdict;
      const { guardrail, lower, upper } = judgement;
      const bounds = { lower, upper, guardrail: guardrail ?? 'none' };
      simulation.record('decided', undefined, { rollout: log.name, action, ...bounds });
    },
  };
}

/** A release that is about to be published. */
function releaseOf(name: string, { releases, simulation }: Stage): BuiltRelease {
  const built = found(releases, name);
  const { release, file } = built;
  // One that fails only its self-test is signed and whole: no device may take it, and none may crash over it.
  simulation.inspect({
    kind: 'released',
    sequence: file.manifest.sequence,
    isGood: release.damage === undefined,
  });
  return built;
}

/** Windows that are compared in each `over`, and the share of time that may be spent on it: the defaults of `rollout start`. */
const shadowWindows = 40;
const budgetPermille = 300;

function planOf(entry: RolloutStart, { reportMs }: Scenario): RolloutPlan {
  return {
    turnWindows: 0,
    shadow: {
      windows: shadowWindows,
      budgetPermille,
      ...(entry.overMs > 0 && { overMs: entry.overMs }),
    },
    terms: {
      ...defaultPlanTerms,
      safe: entry.safe,
      harm: entry.harm,
      alpha: entry.alpha,
      scope: entry.scope,
      evidence: entry.evidence,
    },
    exposures: entry.exposures.map((share) => Math.round(share * everyone)),
    bakeMs: 0,
    holdout: Math.round(entry.holdout * everyone),
    trial: { soakMs: entry.soakMs, inferences: entry.inferences },
    reportMs,
    stepSoakMs: entry.stepSoakMs,
    horizonMs: entry.horizonMs,
  };
}

/**
 * Does what a command of the operator does; what it refuses is told. Where it could not reach the broker, somebody gives it again
 * a little later.
 */
function command(what: string, stage: Stage, work: () => Promise<void>): void {
  const { simulation, unfinished, refused, failed } = stage;
  const again = (): void => {
    command(what, stage, work);
  };
  unfinished.set(what, again);
  simulation.time.expectNatives();
  const ended = work().finally(() => unfinished.delete(what));
  ended.catch((error: unknown) => {
    if (!(error instanceof CodedError)) {
      failed(error);
      return;
    }
    refused(what, error);
    const isForged = error.code === 'published-elsewhere';
    if (!isForged && !unreached.has(error.code)) return;
    // Nobody else publishes here: the owner goes on from the numbers of whoever did.
    if (isForged) stage.operator.takeOverNext();
    simulation.hub.after(againMs, again);
  });
}

const unreached: ReadonlySet<Code> = new Set(['broker-unreachable', 'session-ended']);
const againMs = 10_000;

function found<T>(all: ReadonlyMap<string, T>, name: string): T {
  const one = all.get(name);
  if (one === undefined) throw new Error(`the scenario names no ${name}`);
  return one;
}
