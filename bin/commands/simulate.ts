import { CodedError } from '../../protocol/coded-error.js';
import { shippedScenarios } from '../../simulator/scenario/shipped-scenarios.js';
import {
  jsonOption,
  type Arguments,
  type Command,
  type ExitCode,
  type Terminal,
} from '../command.js';
import { liveOptions, simulateLive } from '../simulate-live.js';
import { searchScenario } from '../simulate-search.js';
import { formatTable } from '../text-table.js';
import { simulateScenario } from '../simulate-scenario.js';

/** `tinylamp simulate`: a scenario in virtual time, or a fleet of devices on real sockets. */
export const simulateCommand: Command = {
  words: 'simulate',
  summary: 'Run a scenario of simulated devices in virtual time, or a fleet against a broker.',
  positionals: [
    {
      name: 'scenario',
      describe: 'The scenario file, or the name of one that --list names; optional with --live.',
      optional: true,
    },
  ],
  options: {
    devices: { type: 'number', describe: 'So many devices: all groups together; 20 with --live.' },
    seed: {
      type: 'number',
      describe:
        'All chance follows from it; 1, or what the scenario says. With --live only keys, signals and the truth do: sockets and clocks are real.',
    },
    'check-determinism': {
      type: 'flag',
      describe: 'Run the scenario twice; exit 13 if the two differ.',
    },
    shards: {
      type: 'number',
      describe: 'Devices in so many threads; the run is the same with any number.',
    },
    'no-memo': {
      type: 'flag',
      describe: 'Compute every signal and inference; the run is the same.',
    },
    search: {
      type: 'number',
      describe: 'Run so many seeds, each with faults that it draws from the swarm of the file.',
    },
    jobs: {
      type: 'number',
      describe: 'Threads of a search; as many as the machine has if not given.',
    },
    trace: {
      type: 'text',
      describe: 'Write the event log into this file, one JSON object a line.',
    },
    report: {
      type: 'text',
      describe: 'Write what happened into this HTML file, with pictures; it needs nothing else.',
    },
    junit: {
      type: 'text',
      describe: 'A file for the outcomes in the XML of JUnit, for CI; with --search a case a seed.',
    },
    list: { type: 'flag', describe: 'Name the scenarios that come with tinylamp.' },
    live: { type: 'flag', describe: 'Real sockets and the real clock; the options below need it.' },
    ...liveOptions,
    ...jsonOption,
  },
  examples: [
    ['$0 simulate field.yaml --seed 7', 'one run of the scenario, in virtual time'],
    [
      '$0 simulate power-cuts --report cuts.html',
      'a shipped scenario, and what happened as a page',
    ],
    ['$0 simulate field.yaml --search 1000', 'a thousand runs; those that fail are made smaller'],
    [
      '$0 simulate --devices 20 --live --broker mqtt://localhost --keys keys',
      'twenty devices until Ctrl-C',
    ],
    ['$0 simulate fit --help', 'boards from latencies that you measured'],
  ],
  run(given, terminal) {
    const scenario = given.text('scenario');
    if (given.flag('list')) return listScenarios(terminal);
    refuseOutputs(given);
    if (given.flag('live')) return simulateLive(scenario, given, terminal);
    if (scenario !== undefined && given.number('search') !== undefined)
      return searchScenario(scenario, given, terminal);
    if (scenario !== undefined) return simulateScenario(scenario, given, terminal);
    throw new CodedError('usage-invalid', 'give a scenario file, a name of --list, or --live');
  },
};

/** A report is of one run; on real sockets nobody knows what happened inside. */
function refuseOutputs(given: Arguments): void {
  const isSearch = given.number('search') !== undefined;
  if (given.text('report') !== undefined && isSearch)
    throw new CodedError(
      'usage-invalid',
      '--report is of one run: give --seed of one that the search names, without --search',
    );
  for (const name of ['report', 'junit'])
    if (given.flag('live') && given.text(name) !== undefined)
      throw new CodedError('usage-invalid', `--${name} is not for --live`);
}

function listScenarios(terminal: Terminal): Promise<ExitCode> {
  const rows = shippedScenarios().map(({ name, summary }) => [name, summary]);
  for (const line of formatTable(['scenario', 'story'], rows)) terminal.print(line);
  return Promise.resolve(0);
}
