import type { Handle, Invoked, ModelFacts } from '../ports/engine.js';
import type { SampleForm } from '../ports/sensor.js';
import type {
  Attempt,
  Channel,
  DroppedMessages,
  SkippedMessage,
  Traffic,
} from '../ports/transport.js';
import type { Rejection, Result } from '../../protocol/result.js';

/** What is published: encoded at the edge, because codecs for plain messages are no decisions. */
export type Payload =
  { readonly json: unknown } | { readonly cbor: unknown } | { readonly bytes: Uint8Array };

/** Effects that are answered by exactly one `answered` input. */
export interface AskedEffects {
  read: {
    args: { readonly name: string; readonly limitBytes: number };
    answer: Result<Uint8Array | undefined>;
  };
  write: { args: { readonly name: string; readonly bytes: Uint8Array }; answer: Result<void> };
  writeAt: {
    args: { readonly name: string; readonly offset: number; readonly bytes: Uint8Array };
    answer: Result<void>;
  };
  move: { args: { readonly from: string; readonly to: string }; answer: Result<void> };
  remove: { args: { readonly name: string }; answer: Result<void> };
  list: {
    args: { readonly folder: string };
    answer: Result<readonly { readonly name: string; readonly bytes: number }[]>;
  };
  /** Reads the release file that the owner of the device names for a slot. */
  readFactory: { args: { readonly slot: string }; answer: Result<Uint8Array> };
  freeBytes: { args: object; answer: Result<number> };
  digest: { args: { readonly bytes: Uint8Array }; answer: Uint8Array };
  verify: {
    args: {
      readonly publicKey: Uint8Array;
      readonly message: Uint8Array;
      readonly signature: Uint8Array;
    };
    answer: boolean;
  };
  /** The signature of the device's own key. */
  sign: { args: { readonly message: Uint8Array }; answer: Uint8Array };
  subscribe: { args: { readonly topic: string }; answer: Result<void> };
  publish: {
    args: {
      readonly channel: Channel;
      readonly topic: string;
      readonly payload: Payload;
      readonly retained: boolean;
    };
    answer: Result<void>;
  };
  load: {
    args: {
      readonly handle: Handle;
      readonly model: Uint8Array;
      readonly arenaBytes: number;
      readonly mostWork?: number | undefined;
      readonly deadlineMs: number;
      readonly mayShare?: boolean | undefined;
    };
    answer: Result<ModelFacts>;
  };
  invoke: {
    args: {
      readonly handle: Handle;
      readonly input: Uint8Array;
      readonly output: Uint8Array;
      readonly deadlineMs: number;
    };
    answer: Result<Invoked>;
  };
  reset: { args: { readonly handle: Handle }; answer: Result<void> };
  unload: { args: { readonly handle: Handle }; answer: undefined };
  /** What has come in over the transport (`ports/transport.ts`). */
  traffic: { args: object; answer: Traffic };
  wait: { args: { readonly delayMs: number }; answer: undefined };
  /** A uniformly distributed integer in [0, 2^32). */
  random: { args: object; answer: number };
}

/** Effects that nobody waits for. */
export interface ToldEffects {
  /** Ends the device: it must not run on what it has found, and nothing is to be changed. */
  halt: { readonly rejection: Rejection };
  /** Ends a `wait`; its answer no longer comes. */
  cancel: { readonly request: number };
  /** Starts connecting to the broker; sessions then come and go by themselves. */
  connect: object;
  unsubscribe: { readonly topic: string };
  /** The model of a champion may share a thread with others from now on. */
  share: { readonly handle: Handle };
  /** Starts the samples of a slot, in the form that its release takes, ending an earlier stream of the same slot. */
  openSensor: { readonly slot: string; readonly form: SampleForm };
  log: {
    readonly level: 'debug' | 'info' | 'warn' | 'error';
    readonly event: string;
    readonly fields: Readonly<Record<string, unknown>>;
  };
}

export type AskedKind = keyof AskedEffects;
export type ToldKind = keyof ToldEffects;
export type ArgumentsOf<K extends AskedKind> = AskedEffects[K]['args'];
export type AnswerOf<K extends AskedKind> = AskedEffects[K]['answer'];

/** Everything that the core asks of the world; `request` comes back with the answer. */
export type Effect =
  | { [K in AskedKind]: { readonly kind: K; readonly request: number } & ArgumentsOf<K> }[AskedKind]
  | { [K in ToldKind]: { readonly kind: K } & ToldEffects[K] }[ToldKind];

/** Everything that can happen to a device. Instants are given with each, because the core has no clock. */
export type Input = { readonly at: Instant } & (
  | { readonly kind: 'started' }
  | { readonly kind: 'answered'; readonly request: number; readonly answer: unknown }
  | {
      readonly kind: 'connected';
      readonly protocol: 4 | 5;
      readonly connection: number;
      readonly broker: string;
    }
  | ({ readonly kind: 'disconnected'; readonly rejection: Rejection } & Attempt)
  | ({ readonly kind: 'messageSkipped' } & SkippedMessage)
  | { readonly kind: 'message'; readonly topic: string; readonly payload: Uint8Array }
  | { readonly kind: 'samples'; readonly slot: string; readonly values: Float32Array }
  | { readonly kind: 'samplesInterrupted'; readonly slot: string }
  | { readonly kind: 'samplesRefused'; readonly slot: string; readonly rejection: Rejection }
  /**
   * The wall clock has been set, by so many milliseconds: what a wrong clock refused may be right now. It comes before
   * the input at which it was noticed, and at the latest some seconds after the jump.
   */
  | { readonly kind: 'clockJumped'; readonly byMs: number }
  | { readonly kind: 'telemetryDue'; readonly vitals: Vitals }
  | { readonly kind: 'reportsDue' }
  /** Without vitals where the device sends no telemetry. */
  | { readonly kind: 'stopping'; readonly vitals: Vitals | undefined }
);

/** The two clocks at the moment of an input (`ports/clock.ts`). */
export interface Instant {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** What only the runtime knows of itself, for telemetry. */
export interface Vitals {
  readonly rssBytes: number;
  readonly spoolBytes: number;
  readonly droppedMessages: DroppedMessages;
  readonly droppedInputs: number;
  readonly droppedLogLines: number;
}
