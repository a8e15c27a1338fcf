import { toHex } from '../bytes.js';
import type { Code } from '../codes.js';
import type { Phase } from './event.js';

/** What a device reports of one slot. Releases are named by their sequence numbers. */
export interface SlotState {
  readonly current?: number;
  readonly previous?: number;
  readonly candidate?: number;
  /** The topic on which the slot hears true labels. */
  readonly truth?: string;
  /** The factory release, while it serves because nothing that was committed can be loaded. */
  readonly factory?: number;
  /** What became of the last offer: the release, the phase that it reached, and why it went no further. */
  readonly release?: number;
  readonly phase?: Phase;
  readonly code?: Code;
  /** The particulars of the code, and what can be done about it. */
  readonly reason?: string;
  readonly remedy?: string;
}

/** The reported state of a device, retained. */
export interface StateMessage {
  readonly agent: string;
  readonly boot: number;
  readonly labels: Readonly<Record<string, string>>;
  /** The public half of the key by which the device signs its evidence: 32 bytes in hexadecimal. */
  readonly key?: string;
  readonly slots: Readonly<Record<string, SlotState>>;
}

export function stateMessage(
  {
    agentVersion,
    labels,
    key,
  }: {
    readonly agentVersion: readonly number[];
    readonly labels: Readonly<Record<string, string>>;
    readonly key: { readonly publicKey: Uint8Array };
  },
  boot: number,
  slots: ReadonlyMap<string, SlotState>,
): StateMessage {
  return {
    agent: agentVersion.join('.'),
    boot,
    labels,
    key: toHex(key.publicKey),
    slots: Object.fromEntries(slots),
  };
}
