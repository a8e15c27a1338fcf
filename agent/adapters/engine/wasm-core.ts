import { readFile } from 'node:fs/promises';

/** Compiles the inference core that comes with the package. Once for a process: modules can be shared. */
export async function compileWasmCore(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(new URL(import.meta.resolve('#tinylamp.wasm'))));
}
