import { sameBytes } from '../bytes.js';
import type { Arm, Policy } from '../documents/policy.js';
import type { ReleaseRef } from '../documents/release-ref.js';
import { experimentName, isExposed } from './bucket.js';

/** What a policy wants of one device. */
export interface Assignment {
  /** What is to answer there. */
  readonly release: ReleaseRef;
  /** The arm in whose shadow something is compared, if any. */
  readonly shadow: Arm | undefined;
}

/**
 * Finds the arms that a device is in, by its own lots: the first one whose release is to answer, else the
 * champion; and the first one whose release is only compared.
 */
export function assign({ champion, arms }: Policy, deviceId: string): Assignment {
  const mine = arms.filter(({ salt, exposure }) =>
    isExposed(experimentName(salt), deviceId, exposure),
  );
  const served = mine.find(({ shadow }) => shadow === undefined);
  const answering = served?.release ?? champion;
  return {
    release: answering,
    // What answers already is not compared with itself.
    shadow: mine.find(
      ({ shadow, release }) =>
        shadow !== undefined && !sameBytes(release.manifest, answering.manifest),
    ),
  };
}
