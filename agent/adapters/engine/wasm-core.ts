import { readFile } from 'node:fs/promises';
import { withMemoryMaximum } from './memory-maximum.js';

/**
 * Compiles the inference core that comes with the package. Once for a process: modules can be shared.
 *
 * @param memoryBytes what each instance may take at most; 1 GiB where absent
 */
export async function compileWasmCore(memoryBytes = 1_073_741_824): Promise<WebAssembly.Module> {
  const bytes = await readFile(new URL(import.meta.resolve('#tinylamp.wasm')));
  return WebAssembly.compile(withMemoryMaximum(bytes, memoryBytes));
}
