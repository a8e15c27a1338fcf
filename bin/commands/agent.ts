import { loadConfiguration } from '../../agent/adapters/configuration/load.js';
import { startGateway } from '../../agent/gateway.js';
import type { Command } from '../command.js';
import { packageVersion } from '../package-version.js';

/** `tinylamp agent`: the service on a gateway. */
export const agentCommand: Command = {
  words: 'agent',
  summary: 'Run the agent on this gateway.',
  options: {
    config: { type: 'text', describe: 'The YAML file of the agent.', alias: 'c', required: true },
  },
  examples: [['$0 agent --config agent.yaml', 'run the agent that the file describes']],
  async run(given, terminal) {
    const configuration = loadConfiguration(given.requiredText('config'));
    const gateway = await startGateway(configuration, packageVersion());
    const failure = await Promise.race([gateway.failed, terminal.interrupted]);
    // A broken invariant stops the process: the state record decides what runs after the restart.
    if (failure instanceof Error) throw failure;
    await gateway.stop();
    return 0;
  },
};
