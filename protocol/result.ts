import type { Code } from './codes.js';
import { limits } from './limits.js';

/**
 * Why something was refused: a code of the one table, and what was wrong, where, in words.
 * Refusals are data; exceptions are for broken invariants.
 */
export interface Rejection {
  readonly code: Code;
  /** What was found and where, for people: never needed to decide anything. */
  readonly detail: string;
}

/** Either a value or the refusal of it. */
export type Result<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly rejection: Rejection };

/** Wraps a value that was accepted. */
export function accept<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** Refuses, with a code and the particulars of this case. */
export function refuse(code: Code, detail: string): { ok: false; rejection: Rejection } {
  const most = limits.detailLength;
  const short = detail.length > most ? `${detail.slice(0, most - 1)}…` : detail;
  return { ok: false, rejection: { code, detail: short } };
}
