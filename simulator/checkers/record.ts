import { slotOf, type DeviceRecord } from '../../agent/core/state/record.js';
import type { Checker } from './checker.js';

/** What must never fall on one device. */
type Bounds = Readonly<Record<(typeof names)[number], number>>;

const names = [
  'boot',
  'keysetVersion',
  'timeFloorMs',
  'beaconCounter',
  'policyVersion',
  'sequenceFloor',
  'epochFloor',
] as const;

interface Known {
  readonly last: Bounds;
  /** Those before: a cut that takes what is not synced may bring them back. */
  readonly before: Bounds;
  readonly mayGoBack: boolean;
}

/**
 * Floors, the count of starts, and the versions of documents never fall; after a power cut the record is the one before or the
 * one after. A disk that rots, or another machine, begins anew.
 */
export function createRecordChecker(slot: string): Checker {
  const known = new Map<string, Known>();
  return {
    name: 'record',
    kind: 'safety',
    device(deviceId, event) {
      if (event.kind === 'swapped' || event.kind === 'rotted') known.delete(deviceId);
      const device = known.get(deviceId);
      if (event.kind === 'power-cut' && device !== undefined && event.hasLost)
        known.set(deviceId, { ...device, mayGoBack: true });
      if (event.kind !== 'recorded' || event.record === undefined) return undefined;
      const now = boundsOf(event.record, slot);
      const least = device?.mayGoBack === true ? device.before : device?.last;
      known.set(deviceId, { last: now, before: device?.last ?? now, mayGoBack: false });
      const fallen = least && names.find((name) => now[name] < least[name]);
      return fallen && `${fallen} fell from ${least[fallen]} to ${now[fallen]}`;
    },
  };
}

function boundsOf(record: DeviceRecord, slot: string): Bounds {
  const { boot, keysetVersion, timeFloorMs, beacon } = record;
  const { policyVersion, sequenceFloor, epochFloor } = slotOf(record, slot);
  const beaconCounter = beacon?.counter ?? 0;
  const ofDevice = { boot, keysetVersion, timeFloorMs, beaconCounter };
  return { ...ofDevice, policyVersion, sequenceFloor, epochFloor };
}
