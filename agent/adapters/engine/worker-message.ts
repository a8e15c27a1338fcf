import type { Rejection, Result } from '../../../protocol/result.js';
import type { InterpreterLimits } from '../../../wasm/loader/interpreter.js';
import type { ModelFacts } from '../../ports/engine.js';

/** What the agent tells a model's worker. One request at a time; each has one reply. */
export type WorkerRequest =
  | { readonly kind: 'load'; readonly model: Uint8Array; readonly limits: InterpreterLimits }
  | 'invoke'
  | 'reset';

/** What a worker answers. */
export type WorkerReply =
  | { readonly kind: 'loaded'; readonly loaded: Result<LoadedModel> }
  /** What came of it is in {@link LoadedModel.invoked}: a message is the cheaper the less it says. */
  | 'invoked'
  | 'reset'
  | { readonly kind: 'failed'; readonly rejection: Rejection };

/** A loaded model, and the memory through which its tensors go from thread to thread. */
export interface LoadedModel {
  readonly facts: ModelFacts;
  readonly input: SharedArrayBuffer;
  readonly output: SharedArrayBuffer;
  /** Two float64, of the last inference: its latency in microseconds, and 1 where there is an output. */
  readonly invoked: SharedArrayBuffer;
}
