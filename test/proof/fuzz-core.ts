import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { sharedFolder } from '../helpers/requires.js';
import type { Campaign } from './campaign.js';

const root = path.resolve(import.meta.dirname, '../../..');
const minutes = 30;

/** Coverage-guided fuzzing of the core as a native program, with all checks of arithmetic. */
export const fuzzCoreCampaign: Campaign = {
  name: 'fuzz-core',
  claim:
    'Whatever stands in a model file, the inference core refuses it with a code or runs it: without a panic, an overflow, ' +
    'a broken promise, a hang or a large allocation.',
  async run(seed, progress) {
    const data = path.join(sharedFolder, 'data');
    const folders = [path.join(root, 'test/conformance'), ...(existsSync(data) ? [data] : [])];
    const work = mkdtempSync(path.join(tmpdir(), 'tinylamp-fuzz-'));
    progress(`${minutes} minutes`);
    const { output, status } = await runFuzzer(folders, work, seed);
    const figures = output.split('\n').filter((line) => /^(model|options): \d/.test(line));
    const bad = status === 0 && figures.length === 2 ? [] : [`exit ${status}: ${output}`];
    // What was found stays there to be looked at.
    if (bad.length === 0) rmSync(work, { recursive: true });
    return { figures: [`${minutes} minutes`, ...figures], bad };
  },
};

function runFuzzer(
  folders: readonly string[],
  work: string,
  seed: number,
): Promise<{ readonly output: string; readonly status: number | null }> {
  const script = path.join(root, 'wasm/fuzz/run.sh');
  const child = spawn('bash', [script, String(60 * minutes), ...folders], {
    env: { ...process.env, TINYLAMP_FUZZ: work, TINYLAMP_SEED: String(seed) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      resolve({ output, status });
    });
  });
}
