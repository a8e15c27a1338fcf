import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import type { Campaign } from './campaign.js';

const root = path.resolve(import.meta.dirname, '../../..');

/** What a campaign of test files asks of them. */
export interface TestFiles {
  readonly name: string;
  readonly claim: string;
  /** From the root. */
  readonly files: readonly string[];
  /** Environment variables that make campaigns of them. */
  readonly counts: Readonly<Record<string, number>>;
}

/** A campaign that is a test with larger numbers. */
export function campaignOfTests({ name, claim, files, counts }: TestFiles): Campaign {
  return {
    name,
    claim,
    async run(seed, progress) {
      const words = Object.entries(counts).map(([variable, count]) => `${variable}=${count}`);
      progress(words.join(' '));
      const { output, status } = await runMocha(files, { ...counts, TINYLAMP_SEED: seed });
      const [passed, failed, skipped] = ['passing', 'failing', 'pending'].map((word) =>
        Number(new RegExp(`^ +(\\d+) ${word}`, 'm').exec(output)?.[1] ?? 0),
      );
      const bad: string[] = [];
      if (status !== 0) bad.push(output.slice(-4_000));
      // What is skipped for want of a program shows nothing.
      if (passed === 0 || (skipped ?? 0) > 0) bad.push(`${skipped} tests were skipped`);
      return { figures: [words.join(', '), `${passed} tests passed, ${failed} failed`], bad };
    },
  };
}

function runMocha(
  files: readonly string[],
  variables: Readonly<Record<string, number>>,
): Promise<{ readonly output: string; readonly status: number | null }> {
  const mocha = path.join(root, 'node_modules/mocha/bin/mocha.js');
  const compiled = files.map((file) => path.join('dist', file.replace(/\.ts$/, '.js')));
  const options = ['--no-config', '--require', 'source-map-support/register.js'];
  const named = Object.entries(variables).map(([name, value]) => [name, String(value)]);
  const child = spawn(process.execPath, [mocha, ...options, '--timeout', '60000', ...compiled], {
    cwd: root,
    env: { ...process.env, ...(Object.fromEntries(named) as Record<string, string>) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      resolve({ output, status });
    });
  });
}
