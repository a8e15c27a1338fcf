/** A refusal of the Rust side. Numbers are named by the agent's table of codes. */
export class EngineError extends Error {
  /** See `wasm/src/error.rs`. */
  readonly number: number;

  constructor(number: number, where: string) {
    super(where);
    this.name = 'EngineError';
    this.number = number;
  }
}

/** The number of a call that the core cannot carry out, such as one after a trap. */
export const callInvalid = 18;

/** The number of a promise to itself that the core has broken. */
export const promiseBroken = 19;
