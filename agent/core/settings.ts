import type { DeviceKey } from '../ports/device-key.js';

/** What the core is told about itself when it is made; frozen. */
export interface AgentSettings {
  readonly deviceId: string;
  /** Strata of the device; `class` may be the target of a release. */
  readonly labels: Readonly<Record<string, string>>;
  readonly agentVersion: readonly [major: number, minor: number, patch: number];
  /** The public half of the key by which it signs. */
  readonly key: Pick<DeviceKey, 'kid' | 'publicKey'>;
  /** The first part of every topic. */
  readonly prefix: string;
  /** The first keyset, from the file that the owner trusts, never from the broker. */
  readonly keyset: Uint8Array;
  /** The form of telemetry: SenML-CBOR or SenML-JSON (RFC 8428). */
  readonly telemetry: { readonly encode: 'cbor' | 'json' };
  readonly slots: ReadonlyMap<string, SlotSettings>;
}

/** What the owner of the device says about one slot. */
export interface SlotSettings {
  readonly limits: SlotLimits;
  /** Where the true labels of windows come from, if they do: `{"boot": 3, "window": 12, "label": "normal"}`. */
  readonly labelsTopic?: string | undefined;
  /** What is known of the source; nothing where it is left out. */
  readonly source?: SourceSettings;
  /** Whether the device has a release file for the slot on its own disk, for when there is nothing else to serve. */
  readonly factory?: boolean;
  /** How changes of the input are watched for; they are not where it is left out. */
  readonly drift?: DriftSettings | undefined;
  /** What may be kept in a day of the samples on which two releases differ; nothing where it is left out. */
  readonly capture?: { readonly bytesPerDay: number } | undefined;
  /** Where results go. */
  readonly sink: { readonly topic: string | undefined; readonly encode: 'json' | 'cbor' };
}

/** What the owner of the device says about drift of a slot. */
export interface DriftSettings {
  /** One whole cycle of the plant: what is normal is learned over it. */
  readonly cycleMs: number;
  /** What an alarm does: `report` marks the evidence; with `hold` the rollout does not advance either. */
  readonly action: 'report' | 'hold';
  /** Where the scale of the sensor ends, in the units of the samples; undefined where nobody knows. */
  readonly scale: readonly [low: number, high: number] | undefined;
  /** Alarms of the whole fleet in 30 days that are put up with where nothing has changed. */
  readonly toleratedAlarms: number;
  /** Counts commissionings: with another number the device learns anew what is normal. */
  readonly commission: number;
}

/** How a source is to be understood. */
export interface SourceSettings {
  /** The topic that the samples come on, where it is one: it is silent while there is no session. */
  readonly topic?: string | undefined;
  /** What a message is: numbers in fields of JSON, elements of so many bytes, sound, or a picture, which is a whole window. */
  readonly content?:
    | { readonly kind: 'fields'; readonly fields: number }
    | { readonly kind: 'elements'; readonly elementBytes: number }
    | { readonly kind: 'sound' }
    | { readonly kind: 'picture'; readonly packed?: boolean }
    | undefined;
  /** The largest message that is read. */
  readonly maxBytes?: number | undefined;
  /** Samples that are longer apart belong to no common window; any do where it is left out. */
  readonly gapMs?: number | undefined;
  /** A source that says nothing for so long is reported; none is where it is left out. */
  readonly silentAfterMs?: number | undefined;
}

/** The local limits of a slot: no manifest can ask for more. */
export interface SlotLimits {
  readonly arenaBytes: number;
  /** All artifacts of a release together. */
  readonly imageBytes: number;
  /** The time between two windows; an inference that takes longer cannot keep up. */
  readonly periodMs: number;
}
