import path from 'node:path';
import { createCronScheduler } from '../agent/adapters/cron-scheduler.js';
import { openFileStorage } from '../agent/adapters/file-storage.js';
import { compileWasmCore } from '../agent/adapters/engine/wasm-core.js';
import { toHex } from '../protocol/bytes.js';
import { CodedError } from '../protocol/coded-error.js';
import { createTopics } from '../protocol/topics.js';
import { createDiskFiles } from '../operator/adapters/disk-files.js';
import { enrolAll } from '../operator/roster/roster.js';
import { createDeviceLines } from '../simulator/live/device-lines.js';
import type { FleetRecord } from '../simulator/live/fleet-record.js';
import { joinFile } from '../simulator/live/join-file.js';
import type { LiveDescription } from '../simulator/live/live-device.js';
import { runLive } from '../simulator/live/live-run.js';
import { usualRate } from '../simulator/live/ramp.js';
import { joinParts } from '../simulator/live/summary.js';
import {
  createTransport,
  credentialOptions,
  prefixOption,
  readBrokerTerms,
  type BrokerTerms,
} from './broker-options.js';
import type { Arguments, ExitCode, Option, Terminal } from './command.js';
import { readNamedFile } from './files.js';
import { readLiveFleet } from './live-fleet-options.js';
import { exitOfLive, linesOfLive, reportOfLive } from './live-report.js';
import { optionalNumber } from './optional-number.js';
import { packageVersion } from './package-version.js';

/** The options of `simulate` that only `--live` has. */
export const liveOptions = {
  broker: { type: 'text', describe: 'mqtt://HOST:PORT or mqtts://HOST:PORT.', alias: 'b' },
  ...credentialOptions,
  username: {
    type: 'text',
    describe: 'The name that the broker knows; %i in it is the id of each device.',
  },
  keys: {
    type: 'text',
    describe: 'The folder whose keyset.cbor the devices trust.',
    alias: 'k',
  },
  ...prefixOption,
  slot: {
    type: 'text',
    describe: 'The slot of each device; vibration, or what the scenario says.',
  },
  environment: { type: 'text', describe: 'laboratory or field; laboratory if not given.' },
  period: { type: 'number', describe: 'Milliseconds between two windows; 1000 if not given.' },
  frames: { type: 'number', describe: 'Frames of a burst of samples; 256 if not given.' },
  seconds: { type: 'number', describe: 'End after so long; without it, at Ctrl-C.' },
  ramp: {
    type: 'number',
    describe: 'Devices that start a second; 20 if not given, more for large fleets, 200 at most.',
  },
  first: { type: 'number', describe: 'The number of the first device; 1 if not given.' },
  'id-format': {
    type: 'text',
    describe: 'The ids: %d is the number, %04d the same with zeros; sim-%04d if not given.',
  },
  state: { type: 'text', describe: 'A folder for the disks of the devices, kept over runs.' },
  labels: { type: 'flag', describe: 'Tell each device the truth about its windows.' },
  enrol: { type: 'flag', describe: 'Enter the devices into the roster of --keys.' },
  events: {
    type: 'flag',
    describe: 'Print what each device logs on standard error, a line of JSON with its id each.',
  },
  join: {
    type: 'text',
    describe: 'A file that several processes write; the summary is of all of them so far.',
  },
} as const satisfies Record<string, Option>;

/** Longer would overflow the timers of Node. */
const longestSeconds = 2_000_000;

/** `tinylamp simulate --live`: devices on real sockets. */
export async function simulateLive(
  scenarioFile: string | undefined,
  given: Arguments,
  terminal: Terminal,
): Promise<ExitCode> {
  const terms = brokerOf(given);
  const keys = requiredOf(given, 'keys');
  const keyset = readNamedFile(path.join(keys, 'keyset.cbor'));
  const core = await compileWasmCore();
  const beganMs = performance.now();
  const nowMs = (): number => performance.now() - beganMs;
  const fleet = await readLiveFleet(scenarioFile, given, {
    core,
    nowMs,
    notice: (text) => {
      terminal.notice(text);
    },
  });
  const seconds = readSeconds(given) ?? fleet.seconds;
  const { devices, seed } = fleet;
  if (given.flag('enrol')) enrolFleet(devices, keys, terminal);
  const lines = given.flag('events') ? createDeviceLines() : undefined;
  const state = given.text('state');
  let crash: string | undefined;
  let stop = (): void => undefined;
  const crashed = new Promise<void>((resolve) => (stop = resolve));
  const elapsed = new Promise<void>((resolve) => {
    if (seconds !== undefined) setTimeout(resolve, seconds * 1000).unref();
  });
  terminal.progress(`${devices.length} devices, seed ${seed}`);
  const scheduler = createCronScheduler();
  const { part, expectations } = await runLive(
    {
      ...fleet,
      topics: createTopics(given.requiredText('prefix')),
      broker: { ...terms, usernameOf: usernameOf(terms) },
      subscriber: createTransport(
        { ...terms, username: usernameOf(terms)?.('observer') },
        scheduler,
      ),
      prefix: given.requiredText('prefix'),
      telemetrySchedule: '* * * * *',
      keyset,
      agentVersion: packageVersion(),
      core,
      perSecond: optionalNumber(given, 'ramp', 1, 100_000) ?? usualRate(devices.length),
      openStorage:
        state === undefined
          ? undefined
          : ({ deviceId, limits: { storageBytes } }) =>
              openFileStorage({ folder: path.join(state, deviceId), storageBytes }),
      logOf: lines && ((deviceId) => lines.logOf(deviceId)),
      failed: (deviceId, error) => {
        crash ??= `${deviceId} crashed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
        stop();
      },
      durationMs: seconds === undefined ? undefined : seconds * 1000,
      progress: tell(terminal, devices.length, nowMs),
    },
    Promise.race([terminal.interrupted, elapsed, crashed]),
  );
  await lines?.flush(500);
  const join = given.text('join');
  const all = join === undefined ? part : (joinParts(joinFile(join, part)) ?? part);
  const end = exitOfLive(all, crash, expectations);
  if (given.flag('json')) terminal.printJson(reportOfLive(all, end, expectations));
  else for (const line of linesOfLive(all, end, expectations)) terminal.print(line);
  return end.exit;
}

/** Tells how far the fleet has come, when that has changed. */
function tell(
  terminal: Terminal,
  devices: number,
  nowMs: () => number,
): (record: FleetRecord) => void {
  let told = '';
  return (record) => {
    const { connectedDevices, committedDevices, entries } = record;
    const [code] = [...entries.values()].flatMap((each) => each.code ?? []);
    const problem = connectedDevices === devices || code === undefined ? '' : ` (${code})`;
    const now = `${connectedDevices} of ${devices} connected${problem}, ${committedDevices} committed a release`;
    if (now === told) return;
    told = now;
    terminal.progress(`${Math.round(nowMs() / 1000)} s: ${now}`);
  };
}

function enrolFleet(devices: readonly LiveDescription[], keys: string, terminal: Terminal): void {
  const entries = devices.map(({ deviceId, labels, key }) => ({
    deviceId,
    labels,
    key: toHex(key.publicKey),
  }));
  const added = enrolAll(createDiskFiles(), keys, entries, Date.now());
  terminal.progress(`${added} devices enrolled in ${keys}, ${devices.length - added} were there`);
}

function brokerOf(given: Arguments): BrokerTerms {
  requiredOf(given, 'broker');
  return readBrokerTerms(given);
}

function usernameOf({ username }: BrokerTerms): ((deviceId: string) => string) | undefined {
  return username === undefined ? undefined : (deviceId) => username.replaceAll('%i', deviceId);
}

function readSeconds(given: Arguments): number | undefined {
  const seconds = given.number('seconds');
  if (seconds !== undefined && (seconds <= 0 || seconds > longestSeconds)) {
    throw new CodedError('usage-invalid', `--seconds must be above 0, at most ${longestSeconds}`);
  }
  return seconds;
}

function requiredOf(given: Arguments, name: string): string {
  const text = given.text(name);
  if (text === undefined) throw new CodedError('usage-invalid', `--live needs --${name}`);
  return text;
}
