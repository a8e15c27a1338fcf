import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';

/** How much later than asked the event loop came to its timers, in milliseconds. */
export interface LoopLag {
  readonly p99: number;
  readonly most: number;
}

/** What a run takes of this machine. */
export interface MachineLoad {
  readonly processorS: number;
  readonly rssBytes: number;
  readonly loopLagMs: LoopLag;
}

/** Timers that are late by so much say more of this machine than of any device. */
const lateMs = 500;

/** Between two looks at the event loop. */
const resolutionMs = 20;

/** Begins to measure; what it gives ends it. */
export function measureLoad(): () => MachineLoad {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  const before = process.cpuUsage();
  delay.enable();
  return () => {
    delay.disable();
    const { user, system } = process.cpuUsage(before);
    const late = (ns: number): number => Math.max(0, Math.round(ns / 1e6 - resolutionMs));
    return {
      processorS: (user + system) / 1e6,
      rssBytes: process.memoryUsage.rss(),
      loopLagMs: { p99: late(delay.percentile(99)), most: late(delay.max) },
    };
  };
}

/** Whether what was measured tells more of this machine than of devices and broker. */
export function isBottleneck({ p99 }: LoopLag): boolean {
  return p99 > lateMs;
}
