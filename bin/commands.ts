import type { Command } from './command.js';
import { agentCommand } from './commands/agent.js';
import { benchCommand } from './commands/bench.js';
import { conformCommand } from './commands/conform.js';
import { demoCommand } from './commands/demo.js';
import { enrolCommand } from './commands/enrol.js';
import { logCommand } from './commands/log.js';
import { inspectCommand } from './commands/inspect.js';
import { keysNewCommand } from './commands/keys-new.js';
import { publishCommand } from './commands/publish.js';
import { releaseBuildCommand } from './commands/release-build.js';
import { releaseInspectCommand } from './commands/release-inspect.js';
import { releaseVerifyCommand } from './commands/release-verify.js';
import { rolloutReplayCommand } from './commands/rollout-replay.js';
import { rolloutRequestCommands } from './commands/rollout-request.js';
import { rolloutStartCommand } from './commands/rollout-start.js';
import { rolloutStatusCommand } from './commands/rollout-status.js';
import { runCommand } from './commands/run.js';
import { simulateCommand } from './commands/simulate.js';
import { watchCommand } from './commands/watch.js';

/** What the commands that begin with the same word have in common. */
export const groupSummaries: Readonly<Record<string, string>> = {
  keys: 'Make the keys of an operator.',
  release: 'Build, check and show releases.',
  rollout: 'Test a release live, step by step, and decide by evidence.',
};

/** Every command, in the order of the help text. */
export const commands: readonly Command[] = [
  demoCommand,
  agentCommand,
  logCommand,
  runCommand,
  inspectCommand,
  benchCommand,
  conformCommand,
  keysNewCommand,
  releaseBuildCommand,
  releaseVerifyCommand,
  releaseInspectCommand,
  enrolCommand,
  publishCommand,
  rolloutStartCommand,
  rolloutStatusCommand,
  ...rolloutRequestCommands,
  rolloutReplayCommand,
  watchCommand,
  simulateCommand,
];
