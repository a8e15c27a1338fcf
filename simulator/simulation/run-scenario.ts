import { CodedError } from '../../protocol/coded-error.js';
import type { Version } from '../../protocol/documents/manifest.js';
import { createKeyFolder } from '../../operator/keys/key-folder.js';
import { TransientKeyring } from '../../operator/rollout/keyring.js';
import type { RolloutDevice } from '../../operator/rollout/rollout.js';
import type { Violation } from '../checkers/inspection.js';
import { chanceOf } from '../devices/draws.js';
import { Labeller, type LabellerWorld } from '../people/labeller.js';
import { SimulatedOperator } from '../people/operator.js';
import { buildReleases } from '../people/releases.js';
import { createMemoryTree, MemoryFiles } from '../ports/memory-files.js';
import { createSeededKey } from '../ports/seeded-key.js';
import { deviceIdOf } from '../scenario/device-ids.js';
import type { DeviceNumbers, Scenario } from '../scenario/scenario.js';
import { presentNumbers } from './fleet.js';
import { followExpectations } from './follow-expectations.js';
import { readDisagreements, TruthFollower } from './follow-truth.js';
import type { RunRecord } from '../report/run-record.js';
import { RunRecorder } from '../report/run-recorder.js';
import { LockStep } from './lock-step.js';
import { openShards } from './open-shards.js';
import type { Outcome } from './outcome.js';
import { outcomeOf } from './outcome-of.js';
import type { RolloutLog } from './rollout-log.js';
import { endOf } from './run-end.js';
import type { DeviceState } from './shard.js';
import { Simulation } from './simulation.js';
import { Terms } from './terms.js';
import { schedule } from './timeline.js';
import { Trace } from './trace.js';

/** What a run needs besides its scenario. */
export interface RunSettings {
  readonly core: WebAssembly.Module;
  readonly agentVersion: Version;
  /** Of tinylamp: with file and seed it names the run. */
  readonly revision: string;
  /** The command that replays the run. */
  readonly replay: string;
  /** Whether signals and outputs are kept where they come again (the default). The run is the same without. */
  readonly remembers?: boolean;
  /** In so many threads besides this one; 1 (the default): in this one. The run is the same. */
  readonly shards?: number;
  /** Called with each line of the event log, where somebody wants it. */
  readonly writeTrace?: (line: string) => void;
  /** Called now and then with how far it is. */
  readonly progress?: (virtualMs: number) => void;
  /** Called at the end with what a report shows, where somebody wants one. */
  readonly recorded?: (record: RunRecord) => void;
}

/** The folder of the operator's keys, in files that nobody else sees. */
const keyFolder = '/keys';

/** Runs a scenario from its beginning to its end. Throws `scenario-invalid` and what building its releases throws. */
export async function runScenario(scenario: Scenario, settings: RunSettings): Promise<Outcome> {
  const { core, agentVersion, progress, revision, replay } = settings;
  const { seed, slot, periodMs, reportMs } = scenario;
  refuseMissing(scenario);
  const beganMs = performance.now();
  const trace = new Trace(settings.writeTrace);
  const tree = createMemoryTree();
  const key = createSeededKey(`${seed}/operator`);
  const keys = createKeyFolder(new MemoryFiles(tree), keyFolder, key, scenario.startMs);
  const rollouts = new Map<string, RolloutLog>();
  const simulation = new Simulation({
    seed,
    startWallMs: scenario.startMs,
    slot,
    periodMs,
    broker: scenario.broker,
    trace,
  });
  const { crypto, topics, clock, hub, broker } = simulation;
  const releases = await buildReleases(scenario.releases, slot, { core, crypto, key });
  const built = [...releases.values()];
  const shards = openShards(settings.shards ?? 1, {
    scenario,
    releases: built,
    terms: {
      seed,
      startWallMs: scenario.startMs,
      slot,
      periodMs,
      reportMs,
      telemetryMs: scenario.telemetryMs,
      agentVersion,
      core,
      keyset: keys.keyset,
      losesUnsynced: tears(scenario),
      remembers: settings.remembers !== false,
      hasLabels: scenario.labels !== undefined,
    },
  });
  const enrolled: RolloutDevice[] = [];
  const enrol = (numbers: DeviceNumbers): void => {
    for (const number of presentNumbers(numbers, scenario.only)) {
      simulation.enrol(number);
      enrolled.push({ deviceId: deviceIdOf(number), stratum: undefined });
    }
  };
  for (const { devices } of scenario.groups) enrol(devices);
  const refused: string[] = [];
  const keyring = new TransientKeyring();
  let crash: string | undefined;
  const operator = new SimulatedOperator({
    lane: simulation.operatorLane,
    clock,
    crypto,
    prng: chanceOf(seed, 'operator'),
    topics,
    disk: { tree, keyFolder },
    slot,
    keyring,
    createNetwork: () => simulation.createNetwork('operator-link'),
    enrolled: () => enrolled,
    heardReport: (deviceId, payload) => {
      simulation.logOf(deviceId).reports.heard(payload);
    },
    notice: (message) => {
      simulation.record('notice', undefined, { message });
    },
  });
  const classes = [...new Set(built.flatMap((each) => each.classes))];
  const labellerWorld: LabellerWorld = {
    seed,
    after: (delayMs, task) => hub.after(delayMs, task),
    publish: (topic, payload) => {
      broker.publish({ topic, payload, retained: false }, 'labeller');
    },
  };
  const labeller = scenario.labels && new Labeller(scenario.labels, labellerWorld, classes);
  const truth = new TruthFollower(rollouts);
  simulation.onResult = (accepted) => {
    labeller?.heard(accepted);
    truth.heard(accepted);
  };
  simulation.onAccepted = (deviceId, kind, { payload }) => {
    if (kind === 'report' && !operator.listens) simulation.logOf(deviceId).reports.heard(payload);
    if (kind !== 'disagreements' || scenario.labels?.of !== kind) return;
    const { windows } = simulation.logOf(deviceId);
    for (const each of readDisagreements(payload)?.entries ?? [])
      labeller?.differed(deviceId, each, windows.truthOf(each));
  };
  simulation.onSeen = (deviceId, seen) => {
    if (seen.kind === 'compared')
      truth.compared(deviceId, simulation.logOf(deviceId), seen.channel, seen.payload);
    else if (seen.kind === 'violated') recorder?.violated(deviceId);
    else if (seen.kind === 'enrolled-again') keyring.forget(deviceId);
    else if (seen.kind === 'crashed') crash ??= `${deviceId}: ${seen.why}`;
  };
  schedule({
    scenario,
    simulation,
    operator,
    releases,
    rollouts,
    key,
    unfinished: new Map(),
    enrol,
    refused: (what, { code, message }) => {
      refused.push(`${what}: ${message}`);
      simulation.record('refused', undefined, { what, code });
    },
    failed: (error) => {
      crash ??= error instanceof Error ? (error.stack ?? error.message) : String(error);
    },
  });
  const lockStep = new LockStep(simulation, shards, () => truth.open());
  const nowMs = (): number => lockStep.nowMs;
  const states = (): DeviceState[] =>
    shards.flatMap((shard) => [...shard.states()]).sort((a, b) => a.number - b.number);
  const terms = new Terms({ simulation, rollouts, periodMs, reportMs, nowMs, states });
  const sources = { scenario, simulation, terms, rollouts, nowMs, states };
  const recorder = settings.recorded && new RunRecorder(sources);
  const goesOn = (): boolean => crash === undefined;
  simulation.onWorld = (event) => {
    recorder?.world(event);
  };
  recorder?.look();
  try {
    const evaluations = await followExpectations(scenario, lockStep, terms, goesOn, (ms) => {
      recorder?.look();
      progress?.(ms);
    });
    const stands = shards.map((shard) => shard.stands());
    // What they have dropped is asked before it is judged.
    terms.windows();
    const ends = stands.map((each) => endOf(scenario, simulation, each, lockStep.nowMs));
    const end = endOf(scenario, simulation, byNumber(stands.flat()), lockStep.nowMs);
    simulation.inspection.end({ ...end, devices: [] });
    const found = shards.flatMap((shard, i) => [...shard.finish(ends[i] ?? end)]);
    const violations = [...simulation.inspection.violations, ...found].sort(byInstant);
    for (const { device } of found) recorder?.violated(device);
    if (recorder !== undefined) settings.recorded?.(recorder.record);
    const wallMs = performance.now() - beganMs;
    const ended = { scenario, simulation, rollouts, terms, end, violations, evaluations };
    const hash = trace.digest();
    const all = { ...ended, states: states(), refused, crash, hash, wallMs };
    return { ...outcomeOf(all), revision, replay };
  } finally {
    for (const shard of shards) shard.close();
  }
}

function byNumber<T extends { readonly number: number }>(all: readonly T[]): T[] {
  return [...all].sort((a, b) => a.number - b.number);
}

function byInstant(a: Violation, b: Violation): number {
  if (a.atMs !== b.atMs) return a.atMs - b.atMs;
  return a.device < b.device ? -1 : Number(a.device > b.device);
}

/** Whether any power cut of the scenario tears what is not synced. */
function tears({ timeline }: Scenario): boolean {
  return timeline.some(
    (entry) => entry.action === 'fault' && entry.fault.kind === 'power-cut' && entry.fault.torn,
  );
}

/** A run without what the file asks for would say that all held. */
function refuseMissing({ timeline }: Scenario): void {
  for (const entry of timeline)
    if ((entry.action === 'publish' || entry.action === 'rollout') && entry.spreadMs > 0)
      throw new CodedError('scenario-invalid', 'timeline: ramp and spread are not there yet');
}
