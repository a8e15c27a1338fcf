import type { RunEnd } from '../checkers/checker.js';
import type { Scenario } from '../scenario/scenario.js';
import type { Simulation, SimulatedMember } from './simulation.js';

/** How a run stands now, for checkers. */
export function endOf(scenario: Scenario, simulation: Simulation): RunEnd {
  const { slot, periodMs } = scenario;
  return {
    atMs: simulation.time.nowMs,
    slot,
    quietMs: quietSince(scenario),
    devices: [...simulation.members.values()].map((member) => ({
      deviceId: member.host.deviceId,
      isOn: member.host.isOn,
      record: member.host.deviceRecord,
      windows: member.log.windows.counts(simulation.time.nowMs, gracePeriods * periodMs),
      presence: simulation.broker.retained.get(simulation.topics.presence(member.host.deviceId)),
      storedBytes: storedBytesOf(member),
      storageBytes: member.host.options.limits.storageBytes,
    })),
  };
}

/** So long a window may still be on its way. */
const gracePeriods = 2;

/** An hour, the longest pause between two attempts: liveness is demanded only where faults are over for so long. */
const longestPauseMs = 3_600_000;

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

function storedBytesOf({ host }: SimulatedMember): number {
  let sum = 0;
  for (const [, bytes] of host.disk.files) sum += bytes.length;
  return sum;
}
