import type { Rejection } from '../protocol/result.js';
import type { InterpreterLimits, TensorFacts } from '../wasm/loader/interpreter.js';
import type { TensorArray } from './tensor-array.js';

/** What a worker of a pool is started with. The compiled core and the bytes are shared, not copied. */
export interface PoolWorkerData {
  readonly core: WebAssembly.Module;
  readonly model: SharedArrayBuffer;
  readonly limits: InterpreterLimits;
}

/** One inference for a worker: the elements of each input, whose buffers go over. */
export type PoolRequest = readonly TensorArray[];

/** What a worker says: once that it is ready or why not, then an answer to each request, in their order. */
export type PoolReply =
  | {
      readonly kind: 'ready';
      readonly inputs: readonly TensorFacts[];
      readonly outputs: readonly TensorFacts[];
    }
  | { readonly kind: 'answered'; readonly outputs: readonly TensorArray[] }
  | { readonly kind: 'refused'; readonly rejection: Rejection };
