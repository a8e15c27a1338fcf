import { sameBytes } from '../../protocol/bytes.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { Version } from '../../protocol/documents/manifest.js';
import { createKeyFolder } from '../../operator/keys/key-folder.js';
import { TransientKeyring } from '../../operator/rollout/keyring.js';
import { chanceOf } from '../devices/draws.js';
import { createBehaviours } from '../people/behaviours.js';
import { Labeller, type LabellerWorld } from '../people/labeller.js';
import { SimulatedOperator } from '../people/operator.js';
import { buildReleases } from '../people/releases.js';
import { createMemoryTree, MemoryFiles } from '../ports/memory-files.js';
import { createSeededKey } from '../ports/seeded-key.js';
import { Evaluation } from '../scenario/evaluation.js';
import type { Scenario } from '../scenario/scenario.js';
import { createCheckers } from '../checkers/all-checkers.js';
import { Inspection } from '../checkers/inspection.js';
import { createFleet } from './fleet.js';
import { endOf, livenessOf } from './run-end.js';
import type { RunRecord } from '../report/run-record.js';
import { RunRecorder } from '../report/run-recorder.js';
import { exitOf, expectationOutcome, type Outcome } from './outcome.js';
import { readDisagreements, TruthFollower } from './follow-truth.js';
import type { RolloutLog } from './rollout-log.js';
import { watchPromises } from '../time/promise-guard.js';
import { Simulation, type SimulatedMember } from './simulation.js';
import { servingOn, Terms } from './terms.js';
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
  /** Called with each line of the event log, where somebody wants it. */
  readonly writeTrace?: (line: string) => void;
  /** Called now and then with how far it is. */
  readonly progress?: (virtualMs: number) => void;
  /** Called at the end with what a report shows, where somebody wants one. */
  readonly recorded?: (record: RunRecord) => void;
}

/** Between two looks of expectations that must hold for a time; a long run is looked at two thousand times. */
const leastLookMs = 1_000;
const mostLooks = 2_000;

/** The folder of the operator's keys, in files that nobody else sees. */
const keyFolder = '/keys';

/** Runs a scenario from its beginning to its end. Throws `scenario-invalid` and what building its releases throws. */
export async function runScenario(scenario: Scenario, settings: RunSettings): Promise<Outcome> {
  const { core, agentVersion, progress } = settings;
  const { seed } = scenario;
  refuseMissing(scenario);
  const beganMs = performance.now();
  const trace = new Trace(settings.writeTrace);
  const tree = createMemoryTree();
  const key = createSeededKey(`${seed}/operator`);
  const keys = createKeyFolder(new MemoryFiles(tree), keyFolder, key, scenario.startMs);
  const rollouts = new Map<string, RolloutLog>();
  const names = scenario.releases.map(({ name }) => name);
  const simulation: Simulation = new Simulation({
    seed,
    startWallMs: scenario.startMs,
    slot: scenario.slot,
    periodMs: scenario.periodMs,
    reportMs: scenario.reportMs,
    telemetryMs: scenario.telemetryMs,
    broker: scenario.broker,
    agentVersion,
    core,
    keyset: keys.keyset,
    losesUnsynced: tears(scenario),
    remembers: settings.remembers !== false,
    hasLabels: scenario.labels !== undefined,
    trace,
    behaviourOf: (deviceId) => behaviourOf(deviceId),
  });
  const nowMs = (): number => simulation.time.nowMs;
  const behaviourOf = createBehaviours(
    scenario.releases,
    seed,
    {
      factsOf: (deviceId) => terms.factsOf(memberOf(simulation, deviceId)),
      servingOf: (deviceId) => servingOn(memberOf(simulation, deviceId).host.record),
    },
    (release, input) =>
      [...releases.values()][release]?.golden.some((each) => sameBytes(each, input)) === true,
  );
  const checkers = createCheckers(scenario.slot);
  const inspection = new Inspection(checkers, nowMs, (violation) => recorder?.violated(violation));
  simulation.onDevice = (deviceId, event) => {
    inspection.device(deviceId, event);
  };
  simulation.onPolicy = (policy) => {
    inspection.world({ kind: 'policy', policy });
  };
  const terms = new Terms(simulation, names, rollouts);
  const recorder = settings.recorded && new RunRecorder({ scenario, simulation, terms, rollouts });
  const { crypto, topics, clock } = simulation;
  const releases = await buildReleases(scenario.releases, scenario.slot, { core, crypto, key });
  const fleet = createFleet(scenario, simulation, [...releases.values()]);
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
    slot: scenario.slot,
    keyring,
    createNetwork: () => simulation.createNetwork('operator-link'),
    enrolled: () => fleet.enrolled,
    heardReport: (deviceId, payload) => {
      memberOf(simulation, deviceId).log.reports.heard(payload);
    },
    notice: (message) => {
      simulation.record('notice', undefined, { message });
    },
  });
  simulation.onCrash = (deviceId, error) => {
    crash ??= `${deviceId}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  };
  const classes = [...new Set([...releases.values()].flatMap((each) => each.classes))];
  const { hub, broker } = simulation;
  const labellerWorld: LabellerWorld = {
    seed,
    after: (delayMs, task) => hub.after(delayMs, task),
    publish: (topic, payload) => {
      broker.publish({ topic, payload, retained: false }, 'labeller');
    },
  };
  const labeller = scenario.labels && new Labeller(scenario.labels, labellerWorld, classes);
  const truth = new TruthFollower({
    simulation,
    rollouts,
    releases: [...releases.values()],
    behaviourOf,
  });
  simulation.onResult = (accepted) => {
    labeller?.heard(accepted);
    truth.heard(accepted);
  };
  simulation.onAccepted = (deviceId, kind, { payload }) => {
    if (kind === 'report' && !operator.listens)
      memberOf(simulation, deviceId).log.reports.heard(payload);
    if (kind !== 'disagreements' || scenario.labels?.of !== kind) return;
    const { windows } = memberOf(simulation, deviceId).log;
    for (const each of readDisagreements(payload)?.entries ?? [])
      labeller?.differed(deviceId, each, windows.truthOf(each));
  };
  simulation.onPublished = (member, { channel, payload }) => {
    truth.published(member, channel, payload);
  };
  simulation.askOther = (member, values) => truth.askChampion(member, values);
  schedule({
    scenario,
    simulation,
    operator,
    releases,
    rollouts,
    terms,
    key,
    unfinished: new Map(),
    inspect: (event) => {
      inspection.world(event);
      recorder?.world(event);
    },
    join: (group, numbers) => {
      fleet.join(group, numbers);
    },
    enrolAgain: (deviceIds) => {
      for (const deviceId of deviceIds) keyring.forget(deviceId);
    },
    refused: (what, { code, message }) => {
      refused.push(`${what}: ${message}`);
      simulation.record('refused', undefined, { what, code });
    },
    failed: (error) => {
      crash ??= error instanceof Error ? (error.stack ?? error.message) : String(error);
    },
  });
  const guard = watchPromises(() => {
    const deviceId = simulation.inside;
    if (deviceId !== undefined)
      crash ??= `${deviceId}: a native promise was made, whose order is nobody's promise`;
  });
  fleet.boot();
  const goesOn = (): boolean => crash === undefined;
  recorder?.look();
  const evaluations = await follow(scenario, simulation, terms, goesOn, (virtualMs) => {
    recorder?.look();
    progress?.(virtualMs);
  }).finally(guard);
  const end = endOf(scenario, simulation);
  inspection.end(end);
  const { violations } = inspection;
  if (recorder !== undefined) settings.recorded?.(recorder.record);
  const wallMs = performance.now() - beganMs;
  const expectations = evaluations.map((evaluation) => ({
    ...expectationOutcome(evaluation.expectation, evaluation.conclude()),
    sometimes: evaluation.expectation.sometimes,
  }));
  const devices = simulation.members.size;
  const virtualMs = simulation.time.nowMs;
  return {
    scenario: scenario.name,
    seed,
    revision: settings.revision,
    ...exitOf(crash, violations, expectations),
    hash: trace.digest(),
    devices,
    virtualMs,
    wallMs: Math.round(wallMs),
    deviceMinutesPerSecond: Math.round((devices * virtualMs) / 60 / wallMs),
    windows: simulation.windows(),
    messages: simulation.traffic.toJson(),
    dropped: simulation.droppedAtBroker,
    events: eventsOf(simulation),
    releases: releasesOf(simulation, names),
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
    energyJ: byProfile(simulation, (member) => simulation.joulesOf(member)),
    wear: byProfile(simulation, ({ wear }) => wear.mostWrites),
    refused,
    replay: settings.replay,
  };
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

/** Lets time pass to the end of the scenario, and asks its expectations when they are due. */
async function follow(
  scenario: Scenario,
  simulation: Simulation,
  terms: Terms,
  goesOn: () => boolean,
  progress: (virtualMs: number) => void,
): Promise<readonly Evaluation[]> {
  const { durationMs } = scenario;
  const lookMs = Math.max(leastLookMs, durationMs / mostLooks);
  const begins = new Map(
    scenario.timeline.flatMap((entry) =>
      entry.action === 'rollout' ? [[entry.name, entry.atMs] as const] : [],
    ),
  );
  const evaluations = scenario.expectations.map(
    (expectation) =>
      new Evaluation(expectation, {
        durationMs,
        beginsMs: (rollout) => begins.get(rollout) ?? 0,
        lookMs,
      }),
  );
  const { time } = simulation;
  while (time.nowMs < durationMs && goesOn()) {
    const dues = evaluations.flatMap(({ dueMs }) => dueMs ?? []);
    // Progress is told at least so often, too.
    await time.run(Math.min(durationMs, time.nowMs + durationMs / 100, ...dues), goesOn);
    for (const evaluation of evaluations) {
      if ((evaluation.dueMs ?? Infinity) <= time.nowMs || time.nowMs >= durationMs)
        evaluation.observe(time.nowMs, (term) => terms.read(term));
    }
    progress(time.nowMs);
  }
  return evaluations;
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

function eventsOf(simulation: Simulation): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { log } of simulation.members.values()) {
    for (const [code, count] of log.codes) sum[code] = (sum[code] ?? 0) + count;
  }
  return sum;
}

function releasesOf(simulation: Simulation, names: readonly string[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { host } of simulation.members.values()) {
    const serving = servingOn(host.record);
    const name = serving === undefined ? 'none' : (names[serving - 1] ?? String(serving));
    sum[name] = (sum[name] ?? 0) + 1;
  }
  return sum;
}

/** The greatest of a figure of the devices of each profile. */
function byProfile(
  simulation: Simulation,
  of: (member: SimulatedMember) => number,
): Record<string, number> {
  const most: Record<string, number> = {};
  for (const member of simulation.members.values()) {
    const { name } = member.description.board;
    most[name] = Math.max(most[name] ?? 0, of(member));
  }
  return most;
}

function memberOf(simulation: Simulation, deviceId: string): SimulatedMember {
  const member = simulation.members.get(deviceId);
  if (member === undefined) throw new Error(`there is no ${deviceId}`);
  return member;
}
