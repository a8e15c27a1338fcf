import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { Bench, BenchFigure } from './bench.js';

/** One run. */
export interface SimulationCase {
  readonly devices: number;
  readonly minutes: number;
  readonly shards: number;
  readonly remembers: boolean;
  /** Whether nothing is ever published to the devices. */
  readonly isIdle: boolean;
}

/** What it took from the time on at which all devices had what they run. */
export interface SimulationTaken {
  readonly exit: number;
  readonly hash: string;
  /** Until then. */
  readonly installS: number;
  readonly wallMs: number;
  /** Of all threads. */
  readonly processorMs: number;
  readonly deviceMinutes: number;
  /** Of the process, at its end. */
  readonly bytesPerDevice: number;
}

const many = { devices: 10_000, minutes: 8, isIdle: false };
const cases: readonly SimulationCase[] = [
  { ...many, shards: 1, remembers: true },
  { ...many, shards: 2, remembers: true },
  { ...many, shards: 1, remembers: false },
  { ...many, shards: 2, remembers: false },
  { devices: 100_000, minutes: 6, shards: 1, remembers: true, isIdle: true },
];

/** Fleets in virtual time, a window, a result and a report of each device a minute. */
export function createSimulationBench(runs: readonly SimulationCase[]): Bench {
  return {
    name: 'simulation',
    async run(report) {
      for (const each of runs) {
        // Others may be at work on the machine: how many says what wall time is worth.
        const load = os.loadavg()[0] ?? 0;
        for (const figure of figuresOf(each, await measure(each), load)) report(figure);
      }
    },
  };
}

export const simulationBench = createSimulationBench(cases);

function figuresOf(of: SimulationCase, taken: SimulationTaken, load: number): BenchFigure[] {
  const { deviceMinutes, wallMs, processorMs, installS, bytesPerDevice, exit, hash } = taken;
  const work = of.isIdle ? 'without a release' : of.remembers ? 'pool and memo' : 'all computed';
  const threads = of.shards === 1 ? '1 thread' : `${of.shards} shards`;
  const subject = `${of.devices} devices, ${work}, ${threads}`;
  const realTime = deviceMinutes / of.devices / (wallMs / 60_000);
  const note = `exit ${exit}, hash ${hash.slice(0, 8)}, load before ${load.toFixed(1)}`;
  return [
    { subject, metric: 'deviceMinutesPerS', value: (1e3 * deviceMinutes) / wallMs, note },
    { subject, metric: 'deviceMinutesPerSPerCore', value: (1e3 * deviceMinutes) / processorMs },
    { subject, metric: 'usPerDeviceMinute', value: (1e3 * processorMs) / deviceMinutes },
    { subject, metric: 'timesRealTime', value: realTime },
    { subject, metric: 'installS', value: installS },
    { subject, metric: 'bytesPerDevice', value: bytesPerDevice },
  ];
}

/** What the young generation of the one thread may take, as a shard has it. */
const semiSpaceMb = 64;

function measure(of: SimulationCase): Promise<SimulationTaken> {
  const worker = path.join(import.meta.dirname, 'simulation-run.js');
  const words = [`--max-semi-space-size=${semiSpaceMb}`, '--max-old-space-size=20000', worker];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...words, JSON.stringify(of)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(said) as SimulationTaken);
      else reject(new Error(`a run ended with ${code}`));
    });
  });
}
