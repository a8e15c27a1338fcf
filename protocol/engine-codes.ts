import { codes, type Code, type CodeEntry } from './codes.js';

/** The code for a number of the Rust side (`wasm/src/error.rs`). An unknown number is a broken promise of the core. */
export function codeOfEngineNumber(number: number): Code {
  for (const [code, entry] of Object.entries<CodeEntry>(codes)) {
    if (entry.engine === number) return code as Code;
  }
  return 'engine-internal';
}
