import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Outcome } from '../../simulator/simulation/outcome.js';
import { runCommand } from '../helpers/command-line.js';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/simulation.md'), 'utf8');

describe('the scenario of docs/simulation.md', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-docs-'));
    const [, scenario] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    assert.ok(scenario !== undefined);
    writeFileSync(path.join(folder, 'first.yaml'), scenario);
    for (const name of ['labels.txt', 'pipeline.json']) {
      const file = fileURLToPath(import.meta.resolve(`#demo-models/${name}`));
      copyFileSync(file, path.join(folder, name));
    }
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('holds what it expects, and gives the same log again', async () => {
    const { exitCode, stdout, stderr } = await runCommand(
      ['simulate', 'first.yaml', '--check-determinism', '--json'],
      folder,
    );
    assert.equal(exitCode, 0, stderr);
    const outcome = JSON.parse(stdout) as Outcome;
    assert.equal(outcome.devices, 12);
    assert.ok(outcome.expectations.every(({ held }) => held));
    assert.match(outcome.hash, /^[0-9a-f]{64}$/);
  });
});
