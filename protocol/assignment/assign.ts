import { sameBytes } from '../bytes.js';
import type { Arm, Policy } from '../documents/policy.js';
import type { ReleaseRef } from '../documents/release-ref.js';
import type { Aside } from '../messages/evidence.js';
import { experimentName, isExposed } from './bucket.js';
import { turnOf, type Turn } from './switchback.js';
import { asideOf, isHeldOut, noStanding, type Standing } from './comparison.js';

/** What a policy wants of one device. */
export interface Assignment {
  /** What is to answer there. */
  readonly release: ReleaseRef;
  /** The arm in whose shadow something is compared, if any. */
  readonly shadow: Arm | undefined;
  /** Why the device stays with the champion by itself, where the policy would have it served by another. */
  readonly aside: Aside | undefined;
  /** Whose turn it is, where the two answer in turns; nothing is compared beside it then. */
  readonly turn: Turn | undefined;
}

/**
 * Finds the arms that a device is in, by its own lots and by what it knows of itself: the first one whose release is to
 * answer, else the champion; and the first one whose release is only compared.
 */
export function assign(
  policy: Policy,
  deviceId: string,
  standing: Standing = noStanding,
): Assignment {
  const { champion, arms, fallback } = policy;
  const mine = arms.filter(({ salt, exposure }) =>
    isExposed(experimentName(salt), deviceId, exposure),
  );
  const served = mine.find(({ shadow }) => shadow === undefined);
  const aside =
    fallback === undefined
      ? served && asideOf(standing, served.minBlocks ?? 0)
      : (asideOf(standing, fallback.minBlocks) ?? heldOut(policy, deviceId));
  const turnWindows = policy.evidence?.turnWindows;
  if (served !== undefined && aside === undefined && turnWindows !== undefined) {
    const turn = turnOf(served.salt, deviceId, turnWindows, standing.turns);
    const release = turn === 'challenger' ? served.release : champion;
    return { release, shadow: undefined, aside, turn };
  }
  const wanted = served?.release ?? champion;
  const answering = aside === undefined ? wanted : (fallback?.release ?? champion);
  return {
    turn: undefined,
    release: answering,
    // What answers already is not compared with itself.
    shadow: mine.find(
      ({ shadow, release }) =>
        shadow !== undefined && !sameBytes(release.manifest, answering.manifest),
    ),
    aside,
  };
}

function heldOut({ fallback }: Policy, deviceId: string): Aside | undefined {
  if (fallback === undefined) return undefined;
  return isHeldOut(fallback.salt, deviceId, fallback.holdout) ? 'holdout' : undefined;
}
