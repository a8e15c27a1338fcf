import { isOver } from '../../operator/rollout/rollout.js';
import type { WorldEvent } from '../checkers/checker.js';
import type { Scenario } from '../scenario/scenario.js';
import type { RolloutLog } from '../simulation/rollout-log.js';
import type { DeviceState } from '../simulation/shard.js';
import type { Simulation } from '../simulation/simulation.js';
import type { Terms } from '../simulation/terms.js';
import { actionsOf, faultsOf, limitsOf } from './happenings.js';
import type { Decision, DeviceTale, RolloutSample, RunRecord, RunSample } from './run-record.js';

/** Between two samples lies at least this part of the duration. */
const samplesMost = 200;

/** The truth of a rollout is asked once in so many samples: each device's evidence is read for it. */
const samplesForTruth = 10;

/** Devices whose last events are kept. */
const talesMost = 20;

/** What is recorded of. */
export interface RecordedRun {
  readonly scenario: Scenario;
  readonly simulation: Simulation;
  readonly terms: Terms;
  readonly rollouts: ReadonlyMap<string, RolloutLog>;
  readonly nowMs: () => number;
  /** How all devices stand. */
  readonly states: () => readonly DeviceState[];
}

/** Samples a run for its report, and changes nothing of it. */
export class RunRecorder {
  readonly #run: RecordedRun;
  readonly #samples: RunSample[] = [];
  readonly #decisions: Decision[] = [];
  readonly #tales: DeviceTale[] = [];

  constructor(run: RecordedRun) {
    this.#run = run;
  }

  get record(): RunRecord {
    const { scenario } = this.#run;
    return {
      durationMs: scenario.durationMs,
      startMs: scenario.startMs,
      samples: this.#samples,
      decisions: this.#decisions,
      faults: faultsOf(scenario),
      actions: actionsOf(scenario),
      tales: this.#tales,
      sometimes: scenario.expectations.flatMap((each) => (each.sometimes ? [each.text] : [])),
      limits: limitsOf(scenario),
    };
  }

  /** Looks at the run, if the last look is long enough ago. */
  look(): void {
    const { scenario } = this.#run;
    const atMs = this.#run.nowMs();
    const last = this.#samples.at(-1);
    const isEnd = atMs >= scenario.durationMs;
    const leastMs = scenario.durationMs / samplesMost;
    if (last !== undefined && atMs - last.atMs < leastMs && !isEnd) return;
    if (last?.atMs !== atMs) this.#samples.push(this.#sample(atMs, isEnd));
  }

  /** Something happened in the world of the operator. */
  world(event: WorldEvent): void {
    if (event.kind !== 'decided') return;
    const { rollouts, simulation } = this.#run;
    const { action, inputs, judgement } = event.verdict;
    const { lower, upper, rounds, reason } = judgement;
    this.#decisions.push({
      rollout: event.rollout,
      atMs: simulation.time.nowMs,
      action,
      by: inputs.by,
      lower,
      upper,
      truth: rollouts.get(event.rollout)?.truth.loss,
      rounds,
      reason,
    });
  }

  /** Something was violated at a device: what happened to it before is kept. */
  violated(device: string): void {
    const isKept = this.#tales.some((tale) => tale.device === device);
    if (isKept || this.#tales.length >= talesMost) return;
    const { simulation } = this.#run;
    this.#tales.push({
      device,
      atMs: simulation.time.nowMs,
      lines: simulation.logOf(device).last(),
    });
  }

  #sample(atMs: number, isEnd: boolean): RunSample {
    const { simulation, terms, rollouts, states } = this.#run;
    const releases: Record<string, number> = {};
    const phases: Record<string, number> = {};
    for (const { isOn, facts } of states()) {
      if (!isOn) continue;
      const { release, phase } = facts;
      count(releases, release ?? 'none');
      count(phases, phase ?? 'starting');
    }
    const asksTruth = isEnd || this.#samples.length % samplesForTruth === 0;
    return {
      atMs,
      releases,
      phases,
      windows: terms.windows(),
      bytes: Object.fromEntries(
        Object.entries(simulation.traffic.toJson()).map(([kind, { bytes }]) => [kind, bytes]),
      ),
      rollouts: Object.fromEntries(
        [...rollouts].map(([name, log]) => [name, sampleOf(log, asksTruth)]),
      ),
    };
  }
}

/** Nothing of a rollout that is over: what its bounds were stands in its decisions. */
function sampleOf({ rollout, truth }: RolloutLog, asksTruth: boolean): RolloutSample {
  if (rollout !== undefined && isOver(rollout))
    return { lower: undefined, upper: undefined, truth: undefined };
  const { lower, upper } = rollout?.look ?? {};
  return { lower, upper, truth: asksTruth ? truth.loss : undefined };
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
