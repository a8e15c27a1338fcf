import type { SlotRecord } from '../../agent/core/state/record.js';
import type { Policy } from '../../protocol/documents/policy.js';
import { slotOf } from '../../agent/core/state/record.js';
import type { Checker } from './checker.js';

/** An answer may have been under way when the floor rose. */
const graceMs = 60_000;

interface Floor {
  readonly sequence: number;
  readonly sinceMs: number;
}

/**
 * Nothing answers that no valid policy has named, that is damaged or signed by a stranger, or that lies below a floor of its
 * device. It holds whatever keys were stolen.
 */
export function createServedChecker(slot: string): Checker {
  const named = new Set<number>();
  const bad = new Set<number>();
  const floors = new Map<string, Floor>();
  return {
    name: 'served',
    kind: 'safety',
    world(event) {
      if (event.kind === 'policy') for (const each of namedBy(event.policy)) named.add(each);
      if (event.kind === 'released' && !event.isGood) bad.add(event.sequence);
      return undefined;
    },
    device(deviceId, event, atMs) {
      if (event.kind === 'swapped' || event.kind === 'rotted') floors.delete(deviceId);
      if (event.kind === 'recorded' && event.record !== undefined) {
        const { sequenceFloor }: SlotRecord = slotOf(event.record, slot);
        if (sequenceFloor !== floors.get(deviceId)?.sequence)
          floors.set(deviceId, { sequence: sequenceFloor, sinceMs: atMs });
      }
      if (event.kind !== 'published' || event.result === undefined) return undefined;
      const { sequence } = event.result;
      if (!named.has(sequence)) return `release ${sequence} answered, which no policy has named`;
      if (bad.has(sequence)) return `release ${sequence} answered, which is damaged or unsigned`;
      const floor = floors.get(deviceId);
      if (floor === undefined || sequence >= floor.sequence || atMs - floor.sinceMs <= graceMs)
        return undefined;
      return `release ${sequence} answered, below the floor ${floor.sequence}`;
    },
  };
}

function namedBy({ champion, arms, fallback }: Policy): number[] {
  const releases = [champion, ...arms.map(({ release }) => release)];
  return [...releases, ...(fallback === undefined ? [] : [fallback.release])].map(
    ({ sequence }) => sequence,
  );
}
