import type { MessagePort } from 'node:worker_threads';
import type { RunEnd } from '../checkers/checker.js';
import type { Violation } from '../checkers/inspection.js';
import type { DeviceStand, DeviceState, ShardOrders, ShardReport, ShardSetup } from './shard.js';

/** What the thread of a shard is asked, one after the other. */
export type ShardRequest =
  | { readonly kind: 'run'; readonly orders: ShardOrders }
  | { readonly kind: 'states' }
  | { readonly kind: 'stands' }
  | { readonly kind: 'close' }
  | { readonly kind: 'finish'; readonly end: RunEnd };

/** Its answers; the first comes unasked, when it is made. */
export type ShardReply =
  | { readonly kind: 'made'; readonly nextMs: number | undefined }
  | { readonly kind: 'ran'; readonly report: ShardReport }
  | { readonly kind: 'states'; readonly states: readonly DeviceState[] }
  | { readonly kind: 'stands'; readonly stands: readonly DeviceStand[] }
  | { readonly kind: 'finished'; readonly violations: readonly Violation[] }
  /** It ends over this. */
  | { readonly kind: 'failed'; readonly why: string };

/** What a thread is given. Both sides count what they have sent in `sent`, and wait there for the other. */
export interface ShardThreadData {
  readonly setup: ShardSetup;
  readonly port: MessagePort;
  readonly sent: Int32Array<SharedArrayBuffer>;
}

/** Where in `sent` who counts. */
export const places = { requests: 0, replies: 1 } as const;
