import type { ModelReport } from './model-report.js';

/** A refusal of the Rust side. Numbers are named by the agent's table of codes. */
export class EngineError extends Error {
  /** See `wasm/src/error.rs`. */
  readonly number: number;

  /** What is known of a model whose operators are refused. */
  readonly report: ModelReport | undefined;

  constructor(number: number, where: string, report?: ModelReport) {
    super(where);
    this.name = 'EngineError';
    this.number = number;
    this.report = report;
  }
}

/** The number of a call that the core cannot carry out, such as one after a trap. */
export const callInvalid = 18;

/** The number of a promise to itself that the core has broken. */
export const promiseBroken = 19;
