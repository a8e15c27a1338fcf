import type { Phase } from '../../../protocol/messages/event.js';
import type { ShadowTerms, TrialTerms } from '../../../protocol/documents/policy.js';
import type { Shadow } from '../experiment/shadow.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import type { Signal, Task } from '../process.js';
import type { StoredRelease } from '../state/record.js';
import type { Trial } from '../update/trial.js';

/** What a signed policy wants of a slot of this device. */
export interface Desire {
  /** What is to answer. */
  readonly release: StoredRelease;
  readonly trial: TrialTerms;
  /** What is to be compared with it, in the shadow. */
  readonly challenger: { readonly release: StoredRelease; readonly terms: ShadowTerms } | undefined;
  /** The sequence number of the release that is current for good. */
  readonly promoted: number | undefined;
}

/** What a release is brought in for. */
export type Purpose =
  | { readonly kind: 'serve'; readonly trial: TrialTerms }
  | { readonly kind: 'shadow'; readonly shadow: ShadowTerms };

/** A release that the slot is busy with, from its offer until it is committed, rolled back or rejected. */
export interface Offer {
  readonly release: StoredRelease;
  purpose: Purpose;
  phase: Phase;
  task: Task | undefined;
  /** Its models, from its self-test on. */
  loaded: LoadedRelease | undefined;
  /** From the moment that it serves. */
  trial: Trial | undefined;
  /** From the moment that it is compared. */
  shadow: Shadow | undefined;
  /** Whether this run of the device has counted that its models are loaded. */
  counted: boolean;
  committing: boolean;
  /** Committed, given up or taken back: nothing more is to be done for it. */
  ended: boolean;
  /** Between two attempts, or done with all that needs files: no file is needed at this moment. */
  resting: boolean;
  /** While it waits for its next attempt: ends the wait. */
  retry: Signal<void> | undefined;
}

/** An offer at its beginning. */
export function newOffer({ sequence, manifest }: StoredRelease, purpose: Purpose): Offer {
  return {
    release: { sequence, manifest },
    purpose,
    phase: 'offered',
    task: undefined,
    loaded: undefined,
    trial: undefined,
    shadow: undefined,
    counted: false,
    committing: false,
    ended: false,
    resting: false,
    retry: undefined,
  };
}
