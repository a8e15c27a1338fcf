import {
  defaultTerms,
  type DeviceEvidence,
  type EvidenceBlock,
  type FleetEvidence,
  type VerdictTerms,
} from '../../../operator/verdict/evidence.js';

/** A block of ten windows; more is said where it differs. */
export function block(lost: number, won = 0, more: Partial<EvidenceBlock> = {}): EvidenceBlock {
  return {
    onlyChampionRight: lost,
    onlyChallengerRight: won,
    windows: 10,
    unlabelled: 0,
    policy: 1,
    served: 0,
    ...more,
  };
}

/** The same block so many times. */
export function times(count: number, one: EvidenceBlock): readonly EvidenceBlock[] {
  return Array.from({ length: count }, () => one);
}

/** So many devices that compared in the shadow; `differ` says what is different about one of them. */
export function devices(
  count: number,
  shadow: readonly EvidenceBlock[],
  differ: (index: number) => Partial<DeviceEvidence> = () => ({}),
): readonly DeviceEvidence[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `d${String(i).padStart(4, '0')}`,
    asked: true,
    present: true,
    shadow,
    served: [],
    ...differ(i),
  }));
}

/** Evidence of a fleet with the default terms. */
export function evidence(
  some: readonly DeviceEvidence[],
  terms: Partial<VerdictTerms> = {},
  more: Partial<FleetEvidence> = {},
): FleetEvidence {
  return {
    terms: { ...defaultTerms, ...terms },
    devices: some,
    unmet: [],
    holds: [],
    names: { champion: 'release 10', challenger: 'release 20' },
    ...more,
  };
}
