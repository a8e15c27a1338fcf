import type { DeviceRecord } from '../../agent/core/state/record.js';
import type { Message } from '../../agent/ports/transport.js';
import type { VerdictRecord } from '../../operator/rollout/verdict-record.js';
import type { Policy } from '../../protocol/documents/policy.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import type { WindowCounts } from '../simulation/window-ledger.js';

/** Something that happened to one device. */
export type DeviceEvent =
  /** `hasLost`: the cut took changes of the disk that were not synced; `rotted`: bits of its disk have changed. */
  | { readonly kind: 'booted' | 'swapped' | 'rotted' }
  | { readonly kind: 'power-cut'; readonly hasLost: boolean }
  /** Its disk holds another record than when it was last looked at. */
  | { readonly kind: 'recorded'; readonly record: DeviceRecord | undefined }
  /** It wants a message published; `result` is what that says, where it is an answer. */
  | {
      readonly kind: 'published';
      readonly message: Message;
      readonly result: ResultMessage | undefined;
    };

/** Something that happened elsewhere. */
export type WorldEvent =
  /** The operator begins to publish a release. `isGood`: signed by its keys, and undamaged. */
  | { readonly kind: 'released'; readonly sequence: number; readonly isGood: boolean }
  /** The broker has a policy. */
  | { readonly kind: 'policy'; readonly policy: Policy }
  /** The broker has lost all that it had retained. */
  | { readonly kind: 'store-lost' }
  /** A controller has decided. */
  | { readonly kind: 'decided'; readonly rollout: string; readonly verdict: VerdictRecord };

/** How one device stands when the run is over. */
export interface DeviceEnd {
  readonly deviceId: string;
  readonly isOn: boolean;
  readonly record: DeviceRecord | undefined;
  readonly windows: WindowCounts;
  /** What the broker retains as its presence. */
  readonly presence: Uint8Array | undefined;
  /** What its disk holds, and may hold. */
  readonly storedBytes: number;
  readonly storageBytes: number;
}

/** How a run stands when it is over. */
export interface RunEnd {
  readonly atMs: number;
  readonly slot: string;
  /** When the last fault had ended. */
  readonly quietMs: number;
  readonly devices: readonly DeviceEnd[];
}

/** What a checker finds; without a device it is about the operator. */
export interface Finding {
  readonly device?: string;
  readonly text: string;
}

/**
 * Watches a run and says what must never happen, or what must have happened by its end. It knows what the protocol promises,
 * and nothing of scenarios.
 */
export interface Checker {
  readonly name: string;
  /** Safety: never. Liveness: by the end, where the world has been well for long enough. */
  readonly kind: 'safety' | 'liveness';
  device?(deviceId: string, event: DeviceEvent, atMs: number): string | undefined;
  world?(event: WorldEvent, atMs: number): string | undefined;
  end?(end: RunEnd): Iterable<Finding>;
}
