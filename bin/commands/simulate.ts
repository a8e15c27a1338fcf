import path from 'node:path';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { createStandardErrorLog } from '../../agent/adapters/log/standard-error-log.js';
import { CodedError } from '../../protocol/coded-error.js';
import { createLiveFleet } from '../../simulator/live-fleet.js';
import { environments, type EnvironmentName } from '../../simulator/signals/environment.js';
import { jsonOption, type Arguments, type Command, type ExitCode } from '../command.js';
import { checkBrokerUrl } from '../broker-url.js';
import { readNamedFile } from '../files.js';
import { packageVersion } from '../package-version.js';
import { simulateScenario } from '../simulate-scenario.js';

/** Longer would overflow the timers of Node. */
const longestSeconds = 2_000_000;

/** `tinylamp simulate`: a scenario in virtual time, or a fleet of devices on real sockets. */
export const simulateCommand: Command = {
  words: 'simulate',
  summary: 'Run a scenario of simulated devices in virtual time, or a fleet against a broker.',
  positionals: [
    { name: 'scenario', describe: 'The scenario file; none with --live.', optional: true },
  ],
  options: {
    devices: { type: 'number', describe: 'So many devices: all groups together; 20 with --live.' },
    seed: { type: 'number', describe: 'All chance follows from it; 1, or what the scenario says.' },
    'check-determinism': {
      type: 'flag',
      describe: 'Run the scenario twice; exit 13 if the two differ.',
    },
    trace: {
      type: 'text',
      describe: 'Write the event log into this file, one JSON object a line.',
    },
    live: { type: 'flag', describe: 'Real sockets and the real clock.' },
    broker: { type: 'text', describe: 'mqtt://HOST:PORT, with --live.', alias: 'b' },
    keys: {
      type: 'text',
      describe: 'The folder whose keyset.cbor the devices trust, with --live.',
      alias: 'k',
    },
    prefix: { type: 'text', describe: 'The first part of every topic.', default: 'tinylamp' },
    slot: { type: 'text', describe: 'The slot of each device.', default: 'vibration' },
    environment: { type: 'text', describe: 'laboratory or field', default: 'laboratory' },
    period: { type: 'number', describe: 'Milliseconds between two windows.', default: 1000 },
    frames: { type: 'number', describe: 'Frames of a burst of samples.', default: 256 },
    seconds: { type: 'number', describe: 'End after so long; without it, at Ctrl-C.' },
    ...jsonOption,
  },
  examples: [
    ['$0 simulate field.yaml --seed 7', 'one run of the scenario, in virtual time'],
    [
      '$0 simulate --devices 20 --live --broker mqtt://localhost --keys keys',
      'twenty devices until Ctrl-C',
    ],
    ['$0 simulate fit --help', 'boards from latencies that you measured'],
  ],
  async run(given, terminal) {
    const scenario = given.text('scenario');
    if (!given.flag('live')) {
      if (scenario !== undefined) return simulateScenario(scenario, given, terminal);
      throw new CodedError('usage-invalid', 'give a scenario file, or --live');
    }
    if (scenario !== undefined) {
      throw new CodedError(
        'usage-invalid',
        'a scenario runs in virtual time: give it without --live',
      );
    }
    const state: { exitCode: ExitCode; stop: () => void } = { exitCode: 0, stop: () => undefined };
    const crashed = new Promise<void>((resolve) => (state.stop = resolve));
    const seconds = given.number('seconds');
    if (seconds !== undefined && (seconds <= 0 || seconds > longestSeconds)) {
      throw new CodedError('usage-invalid', `--seconds must be above 0, at most ${longestSeconds}`);
    }
    const seed =
      given.number('seed') === undefined
        ? 1
        : given.wholeNumber('seed', 0, Number.MAX_SAFE_INTEGER);
    const devices =
      given.number('devices') === undefined ? 20 : given.wholeNumber('devices', 1, 10_000);
    const log = createStandardErrorLog('fleet', 'info');
    const fleet = createLiveFleet({
      seed,
      devices,
      broker: checkBrokerUrl(liveOption(given, 'broker')),
      prefix: given.requiredText('prefix'),
      slot: given.requiredText('slot'),
      environment: environmentOf(given.requiredText('environment')),
      periodMs: given.wholeNumber('period', 10, 3_600_000),
      framesPerBurst: given.wholeNumber('frames', 1, 65_536),
      telemetrySchedule: '* * * * *',
      keyset: readNamedFile(path.join(liveOption(given, 'keys'), 'keyset.cbor')),
      agentVersion: packageVersion(),
      core: await compileWasmCore(),
      log,
      failed: (deviceId, error) => {
        terminal.progress(`${deviceId} crashed (seed ${seed}): ${String(error)}`);
        state.exitCode = 12;
        state.stop();
      },
    });
    terminal.progress(`${fleet.devices.length} devices, seed ${seed}`);
    fleet.start();
    const elapsed = new Promise<void>((resolve) => {
      if (seconds !== undefined) setTimeout(resolve, seconds * 1000);
    });
    await Promise.race([terminal.interrupted, elapsed, crashed]);
    await fleet.stop(2_000);
    await log.flush(500);
    if (given.flag('json')) terminal.printJson({ seed, devices: fleet.devices.length });
    return state.exitCode;
  },
};

function liveOption(given: Arguments, name: string): string {
  const text = given.text(name);
  if (text === undefined) throw new CodedError('usage-invalid', `--live needs --${name}`);
  return text;
}

function environmentOf(name: string): EnvironmentName {
  const found = Object.keys(environments).find((each) => each === name);
  if (found === undefined) {
    throw new CodedError(
      'usage-invalid',
      `--environment must be one of ${Object.keys(environments).join(', ')}`,
    );
  }
  return found as EnvironmentName;
}
