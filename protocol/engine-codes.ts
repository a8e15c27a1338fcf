import { codes, type Code, type CodeEntry } from './codes.js';
import type { Rejection } from './result.js';

/** The code for a number of the Rust side (`wasm/src/error.rs`). An unknown number is a broken promise of the core. */
export function codeOfEngineNumber(number: number): Code {
  for (const [code, entry] of Object.entries<CodeEntry>(codes)) {
    if (entry.engine === number) return code as Code;
  }
  return 'engine-internal';
}

/** What an error of the core says: a refusal has a number of the Rust side, anything else that WebAssembly throws is a trap. */
export function rejectionOfEngine(error: unknown): Rejection {
  if (!(error instanceof Error)) return { code: 'engine-trapped', detail: String(error) };
  const number = 'number' in error && typeof error.number === 'number' ? error.number : undefined;
  const code = number === undefined ? 'engine-trapped' : codeOfEngineNumber(number);
  return { code, detail: error.message };
}
