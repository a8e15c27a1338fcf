import type { Command } from './command.js';
import { agentCommand } from './commands/agent.js';
import { demoCommand } from './commands/demo.js';
import { enrolCommand } from './commands/enrol.js';
import { logCommand } from './commands/log.js';
import { keysNewCommand } from './commands/keys-new.js';
import { publishCommand } from './commands/publish.js';
import { releaseBuildCommand } from './commands/release-build.js';
import { releaseInspectCommand } from './commands/release-inspect.js';
import { releaseVerifyCommand } from './commands/release-verify.js';
import { simulateCommand } from './commands/simulate.js';
import { watchCommand } from './commands/watch.js';

/** Every command, in the order of the help text. */
export const commands: readonly Command[] = [
  demoCommand,
  agentCommand,
  logCommand,
  keysNewCommand,
  releaseBuildCommand,
  releaseVerifyCommand,
  releaseInspectCommand,
  enrolCommand,
  publishCommand,
  watchCommand,
  simulateCommand,
];
