import { CodedError } from '../../protocol/coded-error.js';
import { everyone } from '../../protocol/documents/policy.js';
import { defaultPlanTerms, isOver, type RolloutPlan } from '../../operator/rollout/rollout.js';
import { applyFault, atInstants, type DeviceFault } from '../faults/apply-fault.js';
import { chanceOf } from '../devices/draws.js';
import { draw } from '../scenario/values.js';
import type { BuiltRelease } from '../people/releases.js';
import type { RolloutWatch, SimulatedOperator } from '../people/operator.js';
import type {
  Fault,
  FaultEntry,
  RolloutStart,
  Scenario,
  TimelineEntry,
} from '../scenario/scenario.js';
import { RolloutLog } from './rollout-log.js';
import type { Simulation } from './simulation.js';
import type { Terms } from './terms.js';

/** What a timeline acts upon. */
export interface Stage {
  readonly scenario: Scenario;
  readonly simulation: Simulation;
  readonly operator: SimulatedOperator;
  readonly releases: ReadonlyMap<string, BuiltRelease>;
  readonly rollouts: Map<string, RolloutLog>;
  readonly terms: Terms;
  /** Devices with these numbers are enrolled and start. */
  readonly join: (
    group: string,
    numbers: { readonly first: number; readonly count: number },
  ) => void;
  /** New keys of these devices are believed. */
  readonly enrolAgain: (deviceIds: readonly string[]) => void;
  /** A command of the operator failed as it can in the world: it is told, and the run goes on. */
  readonly refused: (what: string, error: CodedError) => void;
  /** Anything else ends the run. */
  readonly failed: (error: unknown) => void;
}

/** Lets all entries of the timeline happen when they are due. */
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
      const { file } = found(stage.releases, release);
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
      stage.join(entry.group, entry.devices);
      return;
    case 'enrol-again':
      stage.enrolAgain(stage.terms.select(entry.where).map(({ host }) => host.deviceId));
      return;
    case 'fault':
      befall(entry, index, stage);
      return;
  }
}

function rollOut(entry: RolloutStart, stage: Stage): void {
  const { name, release } = entry;
  const { file } = found(stage.releases, release);
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
      log.last = verdict;
      log.atMs = simulation.time.nowMs;
      const { action, judgement } = verdict;
      const { guardrail, lower, upper } = judgement;
      const bounds = { lower, upper, guardrail: guardrail ?? 'none' };
      simulation.record('decided', undefined, { rollout: log.name, action, ...bounds });
    },
  };
}

/** The operator is back after its processes were killed: an open rollout is gone on with. */
function goOn(stage: Stage): void {
  stage.simulation.record('controller-back');
  for (const log of stage.rollouts.values()) {
    const isOpen = log.rollout === undefined || !isOver(log.rollout);
    if (!isOpen) continue;
    command(`rollout ${log.name}`, stage, async () => {
      await stage.operator.resume(stage.scenario.slot, watchOf(log, stage));
    });
  }
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

function befall({ fault, where, share, untilMs }: FaultEntry, index: number, stage: Stage): void {
  const { simulation, terms } = stage;
  if (!isOfDevice(fault)) {
    befallOthers(fault, untilMs, index, stage);
    return;
  }
  for (const member of terms.select(where)) {
    const chance = chanceOf(simulation.seed, `fault ${index}`, member.host.deviceId);
    if (share < 1 && chance.uniform(0, 1) >= share) continue;
    simulation.record('fault', member.host.deviceId, { fault: fault.kind });
    const undo = applyFault(fault, member, chance, simulation, untilMs);
    if (untilMs === undefined) continue;
    simulation.hub.after(untilMs - simulation.time.nowMs, () => {
      simulation.record('fault-over', member.host.deviceId, { fault: fault.kind });
      undo();
    });
  }
}

function befallOthers(
  fault: Exclude<Fault, DeviceFault>,
  untilMs: number | undefined,
  index: number,
  stage: Stage,
): void {
  const { simulation, operator } = stage;
  const chance = chanceOf(simulation.seed, `fault ${index}`);
  simulation.record('fault', undefined, { fault: fault.kind });
  switch (fault.kind) {
    case 'broker-restart':
      atInstants(fault.when, chance, simulation, untilMs, () => {
        simulation.broker.stop(fault.store);
        simulation.hub.after(draw(fault.awayMs, chance), () => {
          simulation.record('broker-back');
          simulation.broker.start();
        });
      });
      return;
    case 'controller-kill':
      operator.kill();
      simulation.hub.after(draw(fault.awayMs, chance), () => {
        goOn(stage);
      });
      return;
    case 'broker-withhold':
    case 'broker-replay':
    case 'lying':
    case 'stolen-key':
      return;
  }
}

function isOfDevice(fault: Fault): fault is DeviceFault {
  return !/^(broker-|controller-kill$|lying$|stolen-key$)/.test(fault.kind);
}

/** Does what a command of the operator does; what it refuses is told. */
function command(what: string, stage: Stage, work: () => Promise<void>): void {
  stage.simulation.time.expectNatives();
  work().catch((error: unknown) => {
    if (error instanceof CodedError) stage.refused(what, error);
    else stage.failed(error);
  });
}

function found<T>(all: ReadonlyMap<string, T>, name: string): T {
  const one = all.get(name);
  if (one === undefined) throw new Error(`the scenario names no ${name}`);
  return one;
}
