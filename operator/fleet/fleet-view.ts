import { FleetDevice } from './fleet-device.js';

/** What a device said, or retains, and when it arrived here. */
export interface Arrival {
  readonly deviceId: string;
  readonly channel: FleetChannel;
  readonly payload: Uint8Array;
  /** Whether the broker had kept it: then it tells nothing about the device being there now. */
  readonly retained: boolean;
  /** The operator's wall clock, in milliseconds since the epoch. */
  readonly wallMs: number;
}

/** What a fleet is watched by. */
export type FleetChannel = (typeof fleetChannels)[number];

/** What is watched of a device. */
export const fleetChannels = ['presence', 'state', 'report', 'events'] as const;

/** What became of a message: it told something new, nothing new, or was no message at all. */
export type Reception = 'changed' | 'unchanged' | 'ignored';

/** One device, as far as it is known. */
export interface FleetRow {
  readonly deviceId: string;
  readonly enrolled: boolean;
  /** Undefined where it was never heard of. */
  readonly online: boolean | undefined;
  /** The version of its agent. */
  readonly agent: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Wall clock of the operator, in milliseconds; undefined where nothing came since the view was made. */
  readonly lastSeen: number | undefined;
  /** Messages in its name that were no messages. */
  readonly ignored: number;
  /** Gaps in the numbers of its reports since its start, of those that came since the view was made. */
  readonly reportsMissing: number;
  readonly slots: Readonly<Record<string, SlotRow>>;
}

/** One slot of a device. Releases are named by their sequence numbers. */
export interface SlotRow {
  readonly current: number | undefined;
  readonly previous: number | undefined;
  readonly candidate: number | undefined;
  /** What became of the last offer. */
  readonly phase: string | undefined;
  readonly release: number | undefined;
  readonly code: string | undefined;
  readonly reason: string | undefined;
  /** Of the latest challenger with its champion; undefined where nothing was compared. */
  readonly agreement: Agreement | undefined;
  /** Of the release that is served; undefined where no true labels are known. */
  readonly right: Rightness | undefined;
  /** True labels that the device refused since its start, by cause. */
  readonly labelsRefused: Readonly<Record<string, number>>;
  /** Windows that the served release answered since the start of the device. */
  readonly windows: number;
  /** Of the served release, in microseconds. */
  readonly latencyUs: { readonly p50: number; readonly p95: number } | undefined;
  /** The latest event: a phase, a refusal or an incident. */
  readonly event: string | undefined;
  readonly lastSeen: number | undefined;
}

export interface Agreement {
  readonly champion: number;
  readonly challenger: number;
  readonly windows: number;
  readonly agreements: number;
}

export interface Rightness {
  readonly labelled: number;
  readonly right: number;
}

/** Devices that are kept without being enrolled; ids of strangers are not to fill the memory. */
const mostStrangers = 10_000;

/**
 * Merges what devices publish into rows. Order, loss and repetition of reports change nothing: each carries the totals
 * since the start of its device, and the latest counts.
 */
export class FleetView {
  readonly #devices = new Map<string, FleetDevice>();
  #strangers = 0;

  /** @param enrolled the roster: these have a row even if they never say a word */
  constructor(enrolled: readonly { readonly deviceId: string; readonly labels: Labels }[]) {
    for (const { deviceId, labels } of enrolled) {
      this.#devices.set(deviceId, new FleetDevice(deviceId, labels));
    }
  }

  receive(arrival: Arrival): Reception {
    const device = this.#devices.get(arrival.deviceId) ?? this.#admit(arrival.deviceId);
    return device?.receive(arrival) ?? 'ignored';
  }

  /** The row of a device; undefined where it is neither enrolled nor heard of. */
  row(deviceId: string): FleetRow | undefined {
    return this.#devices.get(deviceId)?.row;
  }

  /** All rows, by device id. */
  get rows(): readonly FleetRow[] {
    return [...this.#devices.values()]
      .map((device) => device.row)
      .sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
  }

  #admit(deviceId: string): FleetDevice | undefined {
    if (this.#strangers >= mostStrangers) return undefined;
    this.#strangers++;
    const device = new FleetDevice(deviceId, undefined);
    this.#devices.set(deviceId, device);
    return device;
  }
}

type Labels = Readonly<Record<string, string>>;
