import type { EventMessage } from '../../protocol/messages/event.js';
import type { ResultMessage } from '../../protocol/messages/result.js';

/** What is seen of a run. Plain data: it may come from another thread. */
export type Seen =
  /** A line of the event log; `device` where it is about one. What comes again and again explains no failure. */
  | {
      readonly kind: 'line';
      readonly line: string;
      readonly device?: string;
      readonly isRoutine?: boolean;
    }
  | { readonly kind: 'booted' }
  /** Its power is gone; it had counted so many windows as dropped, and so many that a model only took in. */
  | { readonly kind: 'power-cut'; readonly dropped: number; readonly waited: number }
  /** A window is complete. */
  | {
      readonly kind: 'window';
      readonly truth: string | undefined;
      readonly isServed: boolean;
      readonly other: string | undefined;
    }
  /** The device wants this published. */
  | { readonly kind: 'answered'; readonly result: ResultMessage }
  | { readonly kind: 'told'; readonly event: EventMessage }
  | { readonly kind: 'reported'; readonly payload: Uint8Array }
  | {
      readonly kind: 'compared';
      readonly channel: 'evidence' | 'disagreements';
      readonly payload: Uint8Array;
    }
  /** A checker has found something at the device. */
  | { readonly kind: 'violated' }
  | { readonly kind: 'crashed'; readonly why: string }
  /** New keys of the device are to be believed. */
  | { readonly kind: 'enrolled-again' };

/** Something that was seen, when, and of whom. */
export interface Sighting {
  readonly atMs: number;
  /** The number of the device, from 1; 0: it was seen elsewhere. */
  readonly number: number;
  readonly seen: Seen;
}

/** The order of all that is seen: by instant, by device, and as it happened. */
export function inOrder(sightings: Sighting[]): Sighting[] {
  return sightings.sort((a, b) => a.atMs - b.atMs || a.number - b.number);
}
