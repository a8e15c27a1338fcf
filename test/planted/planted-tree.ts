import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import ts from 'typescript';
import { plant, type PlantedBug } from './planted-bug.js';

const root = path.resolve(import.meta.dirname, '../../..');

/** A copy of the compiled tree in which bugs are planted; the sources stay as they are. */
export class PlantedTree {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-planted-'));

  constructor() {
    for (const name of readdirSync(root)) {
      if (name === 'dist' || name === '.git') continue;
      symlinkSync(path.join(root, name), path.join(this.#folder, name));
    }
    cpSync(path.join(root, 'dist'), path.join(this.#folder, 'dist'), { recursive: true });
  }

  /** Whether a test fails where this bug is planted. Throws where the bug cannot be planted. */
  notices(bug: PlantedBug): boolean {
    const compiled = path.join(this.#folder, 'dist', bug.file.replace(/\.ts$/, '.js'));
    const whole = readFileSync(compiled);
    writeFileSync(compiled, compile(plant(readSource(bug.file), bug), bug));
    try {
      return !this.passes(bug.specs);
    } finally {
      writeFileSync(compiled, whole);
    }
  }

  /** Whether these test files pass. */
  passes(specs: readonly string[]): boolean {
    const mocha = path.join(root, 'node_modules/mocha/bin/mocha.js');
    const options = ['--no-config', '--exit', '--bail', '--timeout', '60000'];
    const files = specs.map((spec) => path.join('dist', spec.replace(/\.ts$/, '.js')));
    const { status } = spawnSync(process.execPath, [mocha, ...options, ...files], {
      cwd: this.#folder,
      stdio: 'ignore',
      timeout: 120_000,
    });
    // No status: it was ended because it hung, which is noticed too.
    return status === 0;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The text of a source file, named from the root. */
export function readSource(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

/** One file as the build compiles it. Throws where that is no program any more: every test would fail. */
function compile(text: string, { name, file }: PlantedBug): string {
  const { outputText, diagnostics } = ts.transpileModule(text, {
    fileName: file,
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
  });
  if (diagnostics !== undefined && diagnostics.length > 0) {
    throw new Error(`${name}: ${file} does not compile`);
  }
  return outputText;
}
