import type { Rejection, Result } from '../../../protocol/result.js';
import type { InterpreterLimits } from '../../../wasm/loader/interpreter.js';
import type { Handle, ModelFacts } from '../../ports/engine.js';

/** What the agent tells a thread. One request at a time; each has one reply. */
export type WorkerRequest =
  | {
      readonly kind: 'load';
      readonly handle: Handle;
      readonly model: Uint8Array;
      readonly limits: InterpreterLimits;
    }
  | { readonly kind: 'reset' | 'drop'; readonly handle: Handle }
  /** An inference of this model: a message is the cheaper the less it says. */
  | Handle;

/** What a thread answers. */
export type WorkerReply =
  | { readonly kind: 'loaded'; readonly loaded: Result<LoadedModel> }
  /** What came of an inference is in {@link LoadedModel.invoked}. */
  | 'done'
  | { readonly kind: 'failed'; readonly rejection: Rejection };

/** A loaded model, and the memory through which its tensors go from thread to thread. */
export interface LoadedModel {
  readonly facts: ModelFacts;
  /** Whether anything outlives an inference. */
  readonly hasState: boolean;
  readonly input: SharedArrayBuffer;
  readonly output: SharedArrayBuffer;
  /** Two float64, of the last inference: its latency in microseconds, and 1 where there is an output. */
  readonly invoked: SharedArrayBuffer;
}
