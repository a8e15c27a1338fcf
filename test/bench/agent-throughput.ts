import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { createTopics } from '../../protocol/topics.js';
import { Prng } from '../../simulator/prng.js';
import { environments } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import { startAgent } from '../helpers/agent-process.js';
import { startMosquitto } from '../helpers/mosquitto.js';
import { Site } from '../helpers/site.js';
import type { Bench } from './bench.js';
import { parts, sharesOf, type Part } from './profile-shares.js';
import { WindowLoad, type LoadOutcome } from './window-load.js';

/** How a window comes: its messages, and the words of the configuration that say how they are read. */
interface Form {
  readonly name: string;
  readonly decode: string;
  readonly qos: 0 | 1;
  readonly encode: (window: Float32Array) => readonly Uint8Array[];
}

const json = 'decode: json, fields: [/x, /y, /z]';

const forms: readonly Form[] = [
  {
    name: 'raw, a window each',
    decode: 'decode: raw, element: float32',
    qos: 1,
    encode: (window) => [new Uint8Array(window.slice().buffer)],
  },
  {
    name: 'JSON, a window each',
    decode: json,
    qos: 1,
    encode: (window) => {
      const axes = [0, 1, 2].map((axis) => framesOf(window).map((frame) => frame[axis]));
      return [textOf({ x: axes[0], y: axes[1], z: axes[2] })];
    },
  },
  {
    name: 'JSON, a sample each',
    decode: json,
    // Acknowledging so many messages would leave the core of the broker no time.
    qos: 0,
    encode: (window) => framesOf(window).map(([x, y, z]) => textOf({ x, y, z })),
  },
];

const allCores = `0-${cpus().length - 1}`;
const frames = 256;
const differentWindows = 64;

/** Steps of the search, and what a rate must hold for at the end. */
const [stepMs, confirmMs] = [4_000, 10_000];
const precision = 0.03;

/** Windows on their way, for finding out where to search. */
const waitingAtOnce = 32;

/** What a backlog may gain in a run: the pace of a moment, and no trend. */
const steadyGrowthMs = 25;

/**
 * The agent from the samples on a topic to the results on another, over a real broker: the highest rate at which one core of
 * the processor answers every window of the demo's model, without a growing backlog, and what the core is busy
 * with then. The agent has core 0, with all its threads; the broker and the source have core 1. Needs Linux, Mosquitto, taskset
 * and perf.
 */
export const agentThroughputBench: Bench = {
  name: 'agent-throughput',
  async run(report) {
    for (const form of forms) {
      const ours = await measure(form, undefined);
      const plain = await measure(form, 'plain');
      const note = `vibration-v1, ${ours.note}`;
      const figure = (metric: string, of: (measured: Measured) => number): void => {
        const peer = { name: 'TINYLAMP_WASM=plain', value: of(plain) };
        report({ subject: form.name, metric, value: of(ours), peer, note });
      };
      figure('windowsPerS', ({ windowsPerS }) => Math.round(windowsPerS));
      figure('cpuUsPerWindow', ({ cpuUs }) => cpuUs);
      figure('medianMs', ({ outcome }) => outcome.medianMs);
      figure('coreBusyPercent', ({ cpuUs, windowsPerS }) => (cpuUs * windowsPerS) / 1e4);
      for (const part of parts)
        figure(`${part}Percent`, ({ shares }) => 100 * (shares.get(part) ?? 0));
    }
  },
};

interface Measured {
  readonly windowsPerS: number;
  readonly outcome: LoadOutcome;
  /** Computing time of the agent for a window, all threads. */
  readonly cpuUs: number;
  readonly shares: ReadonlyMap<Part, number>;
  readonly note: string;
}

async function measure(form: Form, core: string | undefined): Promise<Measured> {
  pin(process.pid, '1');
  // A broker that drops what waits would lose windows that the agent never saw.
  const config = (port: number): string =>
    `listener ${port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n`;
  const site = await Site.open(startMosquitto({ config, quiet: true }));
  site.configure({ decode: form.decode });
  const agent = startAgent(site.configFile, ['--perf-basic-prof'], {
    variables: core === undefined ? {} : { TINYLAMP_WASM: core },
  });
  pin(agent.pid, '0');
  try {
    const onlooker = await site.watch();
    await onlooker.presences.find(({ online }) => online);
    const published = site.publish(site.release('vibration-v1', 1));
    await onlooker.events.find(({ event }) => event === 'trial');
    const topics = createTopics('tinylamp');
    const results = topics.results(site.deviceId, site.slot);
    const load = await WindowLoad.begin(
      site.broker.url,
      { source: site.sensorTopic, qos: form.qos, results },
      makeWindows(form),
    );
    await published;
    await onlooker.events.find(({ event }) => event === 'committed');
    await onlooker.leave();
    const windowsPerS = await search(load);
    const [sentBefore, usBefore] = [load.sent, cpuUsOf(agent.pid)];
    const outcome = await load.run(windowsPerS, confirmMs);
    const cpuUs = (cpuUsOf(agent.pid) - usBefore) / (load.sent - sentBefore);
    const profiled = profile(agent.pid, path.join(site.folder, 'perf.data'));
    await load.run(windowsPerS, confirmMs);
    const shares = sharesOf(await profiled);
    await load.end();
    const note = `${outcome.windows} windows in ${confirmMs / 1000} s, ${outcome.lost} lost`;
    return { windowsPerS, outcome, cpuUs, shares, note };
  } finally {
    await agent.end();
    await site.close();
    pin(process.pid, allCores);
  }
}

/** The highest rate that lasts: searched around what the agent answers at most, then confirmed for longer. */
async function search(load: WindowLoad): Promise<number> {
  const lasts = async (windowsPerS: number, durationMs: number): Promise<boolean> => {
    const outcome = await load.run(windowsPerS, durationMs);
    const isSteady = outcome.lost === 0 && outcome.backlogGrowthMs < steadyGrowthMs;
    process.stderr.write(`  ${Math.round(windowsPerS)} a second: ${JSON.stringify(outcome)}\n`);
    return isSteady;
  };
  await load.saturate(waitingAtOnce, stepMs);
  const most = ((await load.saturate(waitingAtOnce, stepMs)) * 1000) / stepMs;
  let low = most / 2;
  for (let high = 1.2 * most; high / low > 1 + precision;) {
    const middle = Math.sqrt(low * high);
    if (await lasts(middle, stepMs)) low = middle;
    else high = middle;
  }
  while (!(await lasts(low, confirmMs))) low /= 1 + precision;
  return low;
}

/**
 * Samples of what all threads of a process compute, with the functions of JavaScript (`--perf-basic-prof`). V8's own profiler
 * goes by the clock: on one core it would count the time of the model's thread as that of the function which has woken it.
 */
async function profile(pid: number, file: string): Promise<string> {
  const record = ['record', '-q', '-g', '-e', 'cpu-clock', '-F', '999', '-o', file, '-p', `${pid}`];
  await runPerf([...record, '--', 'sleep', String((confirmMs * 0.8) / 1000)]);
  return runPerf(['script', '-i', file, '-F', 'ip,sym']);
}

async function runPerf(words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('perf', words, { maxBuffer: 2 ** 30 });
  return stdout;
}

function makeWindows({ encode }: Form): readonly (readonly Uint8Array[])[] {
  const signal = new VibrationSignal(environments.laboratory, 'imbalance', Prng.fromSeed(1));
  const window = new Float32Array(frames * 3);
  return Array.from({ length: differentWindows }, () => {
    signal.next(window);
    return encode(window);
  });
}

function framesOf(window: Float32Array): readonly (readonly number[])[] {
  return Array.from({ length: frames }, (_, i) =>
    [...window.subarray(3 * i, 3 * i + 3)].map((value) => Number(value.toFixed(5))),
  );
}

function textOf(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** Has a process, with all its threads and those that it starts later, run on these cores. */
function pin(pid: number, cores: string): void {
  const { status, error } = spawnSync('taskset', ['-acp', cores, String(pid)]);
  if (status !== 0) throw error ?? new Error(`process ${pid} could not be put on core ${cores}`);
}

/** User and system time of a process (proc(5), stat), in ticks of ten milliseconds. */
function cpuUsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
