import type { Condition } from '../signals/condition.js';
import type { EnvironmentName } from '../signals/environment.js';
import type { Expectation } from './expectation.js';
import type { LinkKind } from '../broker/link-kinds.js';
import type { Selector } from './selector.js';
import type { Amount, Rate } from './values.js';

/**
 * A scenario file as a run uses it: checked, with all defaults, references and times resolved. Durations are in
 * milliseconds of virtual time, shares from 0 to 1, sizes in bytes. Files are absolute paths.
 */
export interface Scenario {
  readonly name: string;
  readonly seed: number;
  readonly durationMs: number;
  /** Faults that the file gives no end, and rates of faults, end here: at 75 % of the time. */
  readonly quietMs: number;
  /** The one slot of every device. */
  readonly slot: string;
  /** True wall time at 0, in milliseconds since the epoch. */
  readonly startMs: number;
  /** Between two windows of a device. */
  readonly periodMs: number;
  readonly reportMs: number;
  /** Undefined: devices send no telemetry. */
  readonly telemetryMs: number | undefined;
  /** In the order of the file, and of the ids of their devices. */
  readonly groups: readonly Group[];
  /** Where given, only these devices exist; ids and draws of the others are left out. */
  readonly only: ReadonlySet<string> | undefined;
  /** Undefined: nobody tells the truth. */
  readonly labels: Labels | undefined;
  readonly broker: Broker;
  /** In the order of their sequence numbers. */
  readonly releases: readonly Release[];
  /** By instant; entries of one instant in the order of the file. */
  readonly timeline: readonly TimelineEntry[];
  /** What a search draws from for each seed. */
  readonly swarm: readonly SwarmFault[];
  readonly expectations: readonly Expectation[];
}

/** Devices that are alike. */
export interface Group {
  readonly name: string;
  readonly site: string;
  readonly profile: Profile;
  /** Undefined: that of the profile. */
  readonly link: Link | undefined;
  readonly sensor: Sensor;
  /** Those that are enrolled before time 0. */
  readonly devices: DeviceNumbers;
}

/** Consecutive numbers; `deviceIdOf` makes ids of them. */
export interface DeviceNumbers {
  readonly first: number;
  readonly count: number;
}

/** A board. */
export interface Profile {
  /** As the scenario has it. */
  readonly name: string;
  /** What describes it; undefined: it is shipped under its name. */
  readonly file: string | undefined;
}

/** What lies between a device and the broker. */
export interface Link {
  /** `own`: the file gives the terms. */
  readonly name: LinkKind | 'own';
  /** Undefined: as the profile has it, and for an own link no limit. */
  readonly upBitPerS: Amount | undefined;
  readonly downBitPerS: Amount | undefined;
  /** Of each packet, at least 20 ms. */
  readonly latencyMs: Amount;
  /** Of the packets, how many end the session. */
  readonly loss: Amount;
}

/** Where windows come from, and their truth. */
export type Sensor =
  | {
      readonly kind: 'vibration';
      readonly environment: EnvironmentName;
      /** Shares of devices, which sum up to 1. */
      readonly mix: Readonly<Record<Condition, number>>;
      /** How often a machine changes its condition: a rate of each device. */
      readonly changes: Rate;
    }
  | {
      readonly kind: 'csv';
      readonly file: string;
      /** The channels in their order; undefined: all columns but the label's. */
      readonly columns: readonly string[] | undefined;
      readonly labelColumn: string | undefined;
      /** The row that comes first, 1 below the header; `drawn`: another one for each device. */
      readonly startRow: number | 'drawn';
    }
  | {
      readonly kind: 'wav' | 'pictures';
      readonly folder: string;
      /** The name of the subfolder, or what is before the first `_` of the file's name; undefined: no truth. */
      readonly label: 'folder' | 'name' | undefined;
    }
  | { readonly kind: 'audio'; readonly classes: readonly string[] };

/** Somebody who tells the truth. */
export interface Labels {
  /** Of the windows that are meant, how many get a label. */
  readonly share: number;
  readonly of: 'windows' | 'disagreements';
  /** Drawn for each label. */
  readonly delayMs: Amount;
  /** Of the labels, how many name another class. */
  readonly wrong: number;
}

export interface Broker {
  readonly kind: 'mosquitto-2';
  /** Messages that wait for a session. */
  readonly queued: number;
  readonly inflight: number;
  /** The largest packet; undefined: no limit. */
  readonly packetBytes: number | undefined;
  readonly mqtt: '5' | '3.1.1';
}

export interface Release {
  readonly name: string;
  /** Several are a chain. */
  readonly models: readonly string[];
  readonly labels: string | undefined;
  readonly pipeline: string | undefined;
  readonly reference: string | undefined;
  /** What is wrong with it as it is published. */
  readonly damage: 'block' | 'manifest' | 'self-test' | 'stranger' | undefined;
  readonly behaves: Behaviour | undefined;
}

/** What a device does beyond the model of a release. */
export interface Behaviour {
  /** Of the windows, how many are answered with another class; and how many where the release serves. */
  readonly wrong: number;
  readonly wrongWhenServing: number;
  readonly slow: number;
  readonly trap: number;
  readonly hang: number;
  readonly where: Selector;
}

/** Something that happens at an instant, or from an instant on. */
export type TimelineEntry = { readonly atMs: number } & (
  | Publication
  | RolloutStart
  | RolloutRequest
  | Joining
  | { readonly action: 'enrol-again'; readonly where: Selector }
  | FaultEntry
);

export interface Publication {
  readonly action: 'publish';
  readonly release: string;
  /** Each device begins after its share of this time. */
  readonly spreadMs: number;
  readonly soakMs: number;
  readonly inferences: number;
}

/** `tinylamp rollout start`, with its options. */
export interface RolloutStart {
  readonly action: 'rollout';
  readonly release: string;
  readonly name: string;
  readonly evidence: 'labels' | 'health';
  /** Rising shares; the last is 1. */
  readonly exposures: readonly number[];
  readonly overMs: number;
  readonly soakMs: number;
  readonly inferences: number;
  readonly stepSoakMs: number;
  readonly horizonMs: number;
  readonly safe: number;
  readonly harm: number;
  readonly alpha: number;
  readonly scope: 'these-devices' | 'population';
  readonly holdout: number;
  readonly spreadMs: number;
}

export interface RolloutRequest {
  readonly action: 'rollout-request';
  readonly request: 'pause' | 'resume' | 'abort' | 'promote';
  readonly rollout: string;
}

export interface Joining {
  readonly action: 'join';
  readonly group: string;
  readonly devices: DeviceNumbers;
}

export interface FaultEntry {
  readonly action: 'fault';
  readonly fault: Fault;
  /** Asked when the entry happens. */
  readonly where: Selector;
  /** Of those, how many, drawn once. */
  readonly share: number;
  /** Undefined: it is over at once. */
  readonly untilMs: number | undefined;
}

/** What goes wrong. Amounts are drawn for each device, those of messages for each message. */
export type Fault =
  | {
      readonly kind: 'loss' | 'duplicate' | 'reorder';
      readonly share: Amount;
      readonly direction: Direction;
    }
  | { readonly kind: 'delay'; readonly delayMs: Amount; readonly direction: Direction }
  | { readonly kind: 'partition' | 'half-open' | 'disk-full' | 'eio' | 'read-only' | 'swap' }
  /** This way stays open. */
  | { readonly kind: 'one-way'; readonly open: 'up' | 'down' }
  | { readonly kind: 'bandwidth'; readonly bitPerS: Amount }
  | {
      readonly kind: 'broker-restart';
      /** A rate in a swarm only. */
      readonly when: Rate | Now;
      readonly store: 'kept' | 'lost';
      readonly awayMs: Amount;
    }
  | { readonly kind: 'broker-replay'; readonly ageMs: number }
  | { readonly kind: 'broker-withhold'; readonly what: WithheldDocuments }
  | {
      readonly kind: 'power-cut';
      /** `operation`: the one of the storage with this number, 1 the next. */
      readonly when: Rate | Now | { readonly kind: 'operation'; readonly number: number };
      readonly torn: boolean;
      readonly awayMs: Amount;
    }
  | { readonly kind: 'bit-rot'; readonly bits: Amount }
  | { readonly kind: 'slow'; readonly factor: Amount }
  /** Of the arena limit, so much is there. */
  | { readonly kind: 'memory'; readonly share: Amount }
  | { readonly kind: 'worker-crash'; readonly when: Rate | Now }
  | { readonly kind: 'clock-skew'; readonly byMs: Amount }
  | { readonly kind: 'clock-drift'; readonly drift: Amount }
  | { readonly kind: 'clock-jump'; readonly when: Rate | Now; readonly to: ClockJump }
  | { readonly kind: 'sensor-stuck' | 'sensor-silent'; readonly overMs: number }
  | { readonly kind: 'sensor-noise'; readonly rms: Amount; readonly overMs: number }
  | { readonly kind: 'sensor-gain'; readonly factor: Amount; readonly overMs: number }
  | { readonly kind: 'sensor-offset'; readonly add: Amount; readonly overMs: number }
  | {
      readonly kind: 'controller-kill';
      /** `write`: the one of the controller's file with this number, 1 the next. */
      readonly when: Now | { readonly kind: 'write'; readonly number: number } | EveryWrite;
      readonly awayMs: Amount;
    }
  | { readonly kind: 'lying'; readonly signs: 'better' | 'worse' }
  | { readonly kind: 'stolen-key'; readonly key: 'policy' | 'beacon' };

export type Direction = 'up' | 'down' | 'both';
export type WithheldDocuments = 'policies' | 'beacon' | 'manifests' | 'blocks';

export interface Now {
  readonly kind: 'now';
}

export interface EveryWrite {
  readonly kind: 'every write';
}

/** Where a clock goes: by so much, or to an instant of wall time. */
export type ClockJump = { readonly byMs: Amount } | { readonly wallMs: number };

/** A fault that is on for half of the seeds, over all devices, with one value from the range. */
export interface SwarmFault {
  readonly kind: SwarmKind;
  /** What `SwarmKind` names is a rate for; for `partition`, `disk-full`, `eio` and `bit-rot` the share of devices. */
  readonly value: Amount | Rate;
}

export type SwarmKind =
  | 'loss'
  | 'duplicate'
  | 'reorder'
  | 'delay'
  | 'partition'
  | 'power-cut'
  | 'disk-full'
  | 'eio'
  | 'bit-rot'
  | 'slow'
  | 'clock-skew'
  | 'clock-jump'
  | 'broker-restart';
