import type { Command } from './command.js';

/** What the commands that begin with the same word have in common. */
export const groupSummaries: Readonly<Record<string, string>> = {
  capture: 'Fetch what devices have kept for training.',
  beacon: 'Say what is current.',
  keys: 'Make the keys of an operator.',
  release: 'Build, check and show releases.',
  rollout: 'Test a release live, step by step, and decide by evidence.',
  simulate: 'Run fleets of simulated devices, on boards that are known or measured.',
};

type Load = () => Promise<Command>;

/**
 * Every command by its words, in the order of the help text. Each is loaded with all that it needs when it is
 * called: nobody waits for a simulator who wants to know where a rollout stands.
 */
const commands: readonly (readonly [words: string, load: Load])[] = [
  ['demo', async () => (await import('./commands/demo.js')).demoCommand],
  ['agent', async () => (await import('./commands/agent.js')).agentCommand],
  ['state', async () => (await import('./commands/state.js')).stateCommand],
  ['log', async () => (await import('./commands/log.js')).logCommand],
  ['run', async () => (await import('./commands/run.js')).runCommand],
  ['inspect', async () => (await import('./commands/inspect.js')).inspectCommand],
  ['bench', async () => (await import('./commands/bench.js')).benchCommand],
  ['conform', async () => (await import('./commands/conform.js')).conformCommand],
  ['keys new', async () => (await import('./commands/keys-new.js')).keysNewCommand],
  ['release build', async () => (await import('./commands/release-build.js')).releaseBuildCommand],
  [
    'release verify',
    async () => (await import('./commands/release-verify.js')).releaseVerifyCommand,
  ],
  [
    'release inspect',
    async () => (await import('./commands/release-inspect.js')).releaseInspectCommand,
  ],
  ['enrol', async () => (await import('./commands/enrol.js')).enrolCommand],
  ['publish', async () => (await import('./commands/publish.js')).publishCommand],
  ['beacon renew', async () => (await import('./commands/beacon-renew.js')).beaconRenewCommand],
  ['rollout start', async () => (await import('./commands/rollout-start.js')).rolloutStartCommand],
  [
    'rollout status',
    async () => (await import('./commands/rollout-status.js')).rolloutStatusCommand,
  ],
  ['rollout pause', async () => (await import('./commands/rollout-request.js')).pauseCommand],
  ['rollout resume', async () => (await import('./commands/rollout-request.js')).resumeCommand],
  ['rollout abort', async () => (await import('./commands/rollout-request.js')).abortCommand],
  ['rollout promote', async () => (await import('./commands/rollout-request.js')).promoteCommand],
  [
    'rollout replay',
    async () => (await import('./commands/rollout-replay.js')).rolloutReplayCommand,
  ],
  ['rollout plan', async () => (await import('./commands/rollout-plan.js')).rolloutPlanCommand],
  ['rollout judge', async () => (await import('./commands/rollout-judge.js')).rolloutJudgeCommand],
  ['label', async () => (await import('./commands/label.js')).labelCommand],
  [
    'capture export',
    async () => (await import('./commands/capture-export.js')).captureExportCommand,
  ],
  ['watch', async () => (await import('./commands/watch.js')).watchCommand],
  ['simulate', async () => (await import('./commands/simulate.js')).simulateCommand],
  ['simulate fit', async () => (await import('./commands/simulate-fit.js')).simulateFitCommand],
];

/** The command that a command line begins with, or all that begin with its first word; else every one. */
export async function loadCommands(line: readonly string[] = []): Promise<readonly Command[]> {
  const [first = '', second = ''] = line;
  if (first === '--version') return [];
  const candidates = [
    commands.filter(([words]) => words === `${first} ${second}`),
    commands.filter(([words]) => words === first),
    commands.filter(([words]) => words.startsWith(`${first} `)),
  ];
  const called = candidates.find((some) => some.length > 0) ?? commands;
  return Promise.all(called.map(([, load]) => load()));
}
