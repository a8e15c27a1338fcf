import type { RunEnd } from '../checkers/checker.js';
import { longestPauseMs } from '../checkers/longest-pause.js';
import type { Scenario } from '../scenario/scenario.js';
import type { DeviceStand } from './shard.js';
import type { Simulation } from './simulation.js';
import { gracePeriods } from './window-ledger.js';

/** How a run stands at its end, for checkers. */
export function endOf(
  scenario: Scenario,
  simulation: Simulation,
  stands: readonly DeviceStand[],
  atMs: number,
): RunEnd {
  const { slot, periodMs } = scenario;
  const devices = stands.flatMap(({ number, facts, isOn, record, storedBytes, storageBytes }) => {
    const log = simulation.logs.get(number);
    if (log === undefined) return [];
    const deviceId = facts.id ?? '';
    const windows = log.windows.counts(atMs, gracePeriods * periodMs);
    const presence = simulation.broker.retained.get(simulation.topics.presence(deviceId));
    return [{ deviceId, isOn, record, windows, presence, storedBytes, storageBytes }];
  });
  return { atMs, slot, quietMs: quietSince(scenario), devices };
}

/** What a report says of liveness. */
export function livenessOf({ atMs, quietMs }: RunEnd): string {
  if (atMs - quietMs >= longestPauseMs) return 'demanded';
  return 'not demanded: the run ends less than an hour, the longest pause between two attempts, after the last fault';
}

/** When the last fault of the timeline is over; people and devices that join are no faults. */
function quietSince({ timeline }: Scenario): number {
  let quietMs = 0;
  for (const entry of timeline) {
    if (entry.action !== 'fault') continue;
    quietMs = Math.max(quietMs, entry.untilMs ?? entry.atMs);
  }
  return quietMs;
}
