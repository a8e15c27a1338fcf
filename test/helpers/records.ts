import type { DeviceRecord } from '../../agent/core/state/record.js';

/** A record with every field that a record can have. */
export const sampleRecord: DeviceRecord = {
  boot: 5,
  keysetVersion: 1,
  beacon: { counter: 12, issued: 1_764_000_000, expires: 1_764_604_800, keysetVersion: 1 },
  timeFloorMs: 1_764_000_000_123,
  slots: new Map([
    [
      'vibration',
      {
        current: { sequence: 7, manifest: '7'.repeat(64) },
        previous: { sequence: 6, manifest: '6'.repeat(64) },
        candidate: {
          sequence: 8,
          manifest: '8'.repeat(64),
          phase: 'trial',
          attempts: 2,
          soakMs: 1234.0,
          inferences: 9,
          terms: { soakMs: 60_000, inferences: 20 },
        },
        sequenceFloor: 6,
        epochFloor: 1,
        policyVersion: 3,
        policyDigest: 'c'.repeat(64),
        namedPolicy: { version: 4, digest: 'd'.repeat(64) },
        rejected: ['a'.repeat(64), 'b'.repeat(64)],
      },
    ],
    [
      'vision',
      {
        current: undefined,
        previous: undefined,
        candidate: undefined,
        sequenceFloor: 0,
        epochFloor: 0,
        policyVersion: 0,
        policyDigest: undefined,
        namedPolicy: undefined,
        rejected: [],
      },
    ],
  ]),
};
