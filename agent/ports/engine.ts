import type { Result } from '../../protocol/result.js';

/** TensorFlow Lite's element types that the core can carry. */
export type TensorType =
  | 'float32'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool';

/** Element types that a pipeline can write to and read from. */
export type ElementType = Extract<TensorType, 'float32' | 'int8' | 'uint8' | 'int16' | 'int32'>;

/** What is known of a tensor at the border of a model. */
export interface TensorFacts {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Per-tensor quantisation: real = scale * (quantised - zeroPoint); 0 and 0 where there is none. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** What loading a model finds out. */
export interface ModelFacts {
  readonly inputs: readonly TensorFacts[];
  readonly outputs: readonly TensorFacts[];
  /** Activations, scratch buffers, variables and the state of operators: what the bound of its arena has to allow. */
  readonly arenaBytes: number;
  /** Multiply-accumulates of one invoke. */
  readonly macs: number;
}

/** What came of an inference. */
export interface Invoked {
  readonly latencyUs: number;
  /**
   * False where the model waits for more inputs: nothing is wrong, its outputs hold what they held, and nobody should take
   * them for an answer. Streaming models have an output for each so many inputs.
   */
  readonly hasOutput: boolean;
}

/** Names one loaded instance of a model. Never used again after unload. */
export type Handle = number;

/** What a model may take of the host. */
export interface EngineLimits {
  /** Activations, scratch buffers and variables. */
  readonly arenaBytes: number;
  /** Work of an inference, in units of about a nanosecond of a fast host; two seconds of it where left out. */
  readonly mostWork?: number | undefined;
  /** How long loading may take. */
  readonly deadlineMs: number;
  /** Whether it has shown itself, so that it may share a thread as by {@link Engine.share}; not where left out. */
  readonly mayShare?: boolean | undefined;
}

/**
 * Models, each in an instance of its own that can fail only itself.
 *
 * Completions come in any order between handles and in order within one. After a refusal of `invoke`
 * with `engine-trapped`, `engine-deadline` or `engine-gone` the instance no longer exists and the handle
 * is to be unloaded.
 */
export interface Engine {
  /** Verifies the model and makes an instance that keeps the limits. */
  load(handle: Handle, model: Uint8Array, limits: EngineLimits): PromiseLike<Result<ModelFacts>>;
  /**
   * One inference: `input` holds all input tensors one after the other, tightly packed, little-endian;
   * all outputs are written to `output` likewise. Both are the caller's again at completion.
   * State (variables) is kept between the invokes of a handle.
   */
  invoke(
    handle: Handle,
    input: Uint8Array,
    output: Uint8Array,
    deadlineMs: number,
  ): PromiseLike<Result<Invoked>>;
  /**
   * The model has shown itself: from now on it may share a thread with others that have, where this saves memory. It goes on
   * with its state. Where another model ends their thread, it is only late: a deadline counts from the moment at which
   * it is its turn. Unknown handles are no failure.
   */
  share(handle: Handle): PromiseLike<void>;
  /** Zero-fills the arena and puts variables to their initial values. */
  reset(handle: Handle): PromiseLike<Result<void>>;
  /**
   * Ends the instance; unknown handles are no failure. An inference that is under way is refused with
   * `engine-gone`, at once. Fulfils when its memory is given back, which may take a thread its time.
   */
  unload(handle: Handle): PromiseLike<void>;
  /** Ends all instances. */
  close(): PromiseLike<void>;
}
