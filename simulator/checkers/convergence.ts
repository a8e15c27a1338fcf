import { slotOf } from '../../agent/core/state/record.js';
import { experimentName, isExposed } from '../../protocol/assignment/bucket.js';
import { toHex } from '../../protocol/bytes.js';
import type { Policy } from '../../protocol/documents/policy.js';
import type { ReleaseRef } from '../../protocol/documents/release-ref.js';
import type { Checker, DeviceEnd, RunEnd } from './checker.js';
import { longestPauseMs } from './longest-pause.js';

/**
 * Once faults are over and the operator has been silent for an hour, every device that is on runs what the policy says, has
 * refused it for good, or stays with the champion by itself where it may. A policy that the broker has lost binds nobody.
 */
export function createConvergenceChecker(): Checker {
  let policy: Policy | undefined;
  let policyMs = 0;
  /** The release that answered last, by device. */
  const answered = new Map<string, number>();
  return {
    name: 'convergence',
    kind: 'liveness',
    device(deviceId, event) {
      if (event.kind === 'booted') answered.delete(deviceId);
      if (event.kind === 'published' && event.result !== undefined)
        answered.set(deviceId, event.result.sequence);
      return undefined;
    },
    world(event, atMs) {
      if (event.kind === 'store-lost') policy = undefined;
      if (event.kind !== 'policy') return undefined;
      policy = event.policy;
      policyMs = atMs;
      return undefined;
    },
    *end({ atMs, quietMs, slot, devices }: RunEnd) {
      if (policy === undefined) return;
      const patienceMs = longestPauseMs + policy.trial.soakMs;
      if (atMs - Math.max(quietMs, policyMs) < patienceMs) return;
      for (const device of devices) {
        const { deviceId, isOn } = device;
        const wanted = wantedOf(policy, deviceId);
        const text = isOn
          ? complaintAbout(device, slot, wanted, answered.get(deviceId))
          : undefined;
        if (text !== undefined) yield { device: deviceId, text };
      }
    },
  };
}

/** What a device may run: what its lots say, and what it stays with by itself, by evidence that only it knows. */
function wantedOf({ champion, fallback, arms }: Policy, deviceId: string): readonly ReleaseRef[] {
  const served = arms.find(
    ({ shadow, salt, exposure }) =>
      shadow === undefined && isExposed(experimentName(salt), deviceId, exposure),
  );
  return [
    ...(served === undefined ? [] : [served.release]),
    champion,
    ...(fallback === undefined ? [] : [fallback.release]),
  ];
}

/** A disk may have rotted below an agent that knows better: then its answers tell. */
function complaintAbout(
  { record }: DeviceEnd,
  slot: string,
  wanted: readonly ReleaseRef[],
  answered: number | undefined,
): string | undefined {
  const { current, rejected = [] } = record === undefined ? {} : slotOf(record, slot);
  const runs = [current?.sequence, answered];
  if (wanted.some(({ sequence }) => runs.includes(sequence))) return undefined;
  if (wanted.some(({ manifest }) => rejected.includes(toHex(manifest)))) return undefined;
  const names = [...new Set(wanted.map(({ sequence }) => sequence))].join(' or ');
  return `runs ${current?.sequence ?? 'nothing'} instead of ${names}`;
}
