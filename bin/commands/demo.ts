import { runDemo } from '../../simulator/demo/run-demo.js';
import { jsonOption, type Command } from '../command.js';
import { packageVersion } from '../package-version.js';

/** `tinylamp demo`: what `npm start` runs. */
export const demoCommand: Command = {
  words: 'demo',
  summary: 'Tell the story: broker, agent, fleet, good and bad releases.',
  options: {
    exit: { type: 'flag', describe: 'End when the story is told; 0 only if all happened as told.' },
    devices: { type: 'number', describe: 'Simulated devices besides the real agent.', default: 47 },
    seed: { type: 'number', describe: 'Machines and signals follow from it.', default: 1 },
    port: { type: 'number', describe: 'Port of the embedded broker; 0 takes any.', default: 0 },
    ...jsonOption,
  },
  examples: [
    ['$0 demo', 'tell the story, then let the fleet run until Ctrl-C'],
    ['$0 demo --exit --json', 'for machines: one object a line, and an end'],
  ],
  async run(given, terminal) {
    const asTold = await runDemo({
      // With fewer devices no gate can be certain of anything in the time of an audience.
      devices: given.wholeNumber('devices', 31, 1000),
      seed: given.wholeNumber('seed', 0, Number.MAX_SAFE_INTEGER),
      port: given.wholeNumber('port', 0, 65535),
      json: given.flag('json'),
      exit: given.flag('exit'),
      agentVersion: packageVersion(),
      printer: terminal,
      interrupted: terminal.interrupted,
    });
    return asTold ? 0 : 1;
  },
};
