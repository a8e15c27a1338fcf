import { codes, type Code } from './codes.js';
import type { Rejection, Result } from './result.js';

/** A refusal on its way to a person: what adapters and commands throw when there is nobody to decide. */
export class CodedError extends Error {
  readonly code: Code;
  readonly detail: string;

  constructor(code: Code, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.name = 'CodedError';
    this.code = code;
    this.detail = detail;
  }

  /** What the person can do about it, from the one table. */
  get remedy(): string {
    return codes[this.code].remedy;
  }

  /** The same refusal as data. */
  get rejection(): Rejection {
    return { code: this.code, detail: this.detail };
  }
}

/** The accepted value, or the refusal thrown as a {@link CodedError}. */
export function expectOk<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new CodedError(result.rejection.code, result.rejection.detail);
}
