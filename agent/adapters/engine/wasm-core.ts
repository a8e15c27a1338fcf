import { readFileSync } from 'node:fs';
import process from 'node:process';
import { CodedError } from '../../../protocol/coded-error.js';
import { chooseBuild, coreFiles, type CoreBuild } from '../../../wasm/loader/builds.js';
import { withMemoryMaximum } from './memory-maximum.js';

const usualMemoryBytes = 1_073_741_824;

/** The core that is used where nothing else is said: what `TINYLAMP_WASM` names, or the fastest build that can be used here. */
export function usualCore(): string {
  return namedCore() ?? chooseBuild();
}

/**
 * Compiles the inference core. Builds are compiled once for a process: modules can be shared. Throws `usage-invalid` where the core that is named cannot be
 * used.
 *
 * @param memoryBytes what each instance may take at most; 1 GiB where absent
 * @param named a {@link CoreBuild} of those that come with the package, or a file; {@link usualCore} where absent
 */
export async function compileWasmCore(
  memoryBytes = usualMemoryBytes,
  named: string | undefined = namedCore(),
): Promise<WebAssembly.Module> {
  if (named === undefined) return compileBuild(chooseBuild(), memoryBytes);
  try {
    if (isBuild(named)) return await compileBuild(named, memoryBytes);
    return await compile(named, memoryBytes);
  } catch (error) {
    throw new CodedError('usage-invalid', `the core ${named} cannot be used: ${String(error)}`);
  }
}

function namedCore(): string | undefined {
  return process.env['TINYLAMP_WASM'] || undefined;
}

/** Whether this names a build of the package, and not a file. */
export function isBuild(name: string): name is CoreBuild {
  return Object.hasOwn(coreFiles, name);
}

/** From the folder of the built program: to resolve an import first reads the package, which takes three milliseconds. */
function fileOf(build: CoreBuild): URL {
  return new URL(`../../../../wasm/pkg/${coreFiles[build]}`, import.meta.url);
}

const compiled = new Map<string, Promise<WebAssembly.Module>>();

function compileBuild(build: CoreBuild, memoryBytes: number): Promise<WebAssembly.Module> {
  const key = `${build} ${memoryBytes}`;
  const known = compiled.get(key) ?? compile(fileOf(build), memoryBytes);
  compiled.set(key, known);
  // What could not be read may be there the next time.
  known.catch(() => compiled.delete(key));
  return known;
}

async function compile(file: string | URL, memoryBytes: number): Promise<WebAssembly.Module> {
  // A process begins with it: a thread to read it would take a millisecond more.
  return WebAssembly.compile(withMemoryMaximum(readFileSync(file), memoryBytes));
}
