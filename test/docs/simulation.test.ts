import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { shippedScenarios } from '../../simulator/scenario/shipped-scenarios.js';
import type { Outcome } from '../../simulator/simulation/outcome.js';
import { runCommand } from '../helpers/command-line.js';
import { recordedRows } from '../helpers/recorded-rows.js';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/simulation.md'), 'utf8');

describe('the scenarios of docs/simulation.md', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-docs-'));
    const [first, own] = Array.from(page.matchAll(/```yaml\n([\s\S]*?)```/g), ([, text]) => text);
    assert.ok(first !== undefined && own !== undefined);
    writeFileSync(path.join(folder, 'first.yaml'), first);
    writeFileSync(path.join(folder, 'own.yaml'), own);
    writeFileSync(path.join(folder, 'rows.csv'), recordedRows());
    for (const name of ['labels.txt', 'pipeline.json']) {
      const file = fileURLToPath(import.meta.resolve(`#demo-models/${name}`));
      copyFileSync(file, path.join(folder, name));
    }
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('first-rollout holds what it expects, and gives the same log again', async () => {
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

  it('own-data answers the rows of a table as their column says', async () => {
    const { exitCode, stdout, stderr } = await runCommand(
      ['simulate', 'own.yaml', '--json'],
      folder,
    );
    assert.equal(exitCode, 0, stderr + stdout);
    assert.ok((JSON.parse(stdout) as Outcome).windows.answered > 200);
  });

  it('that are shipped stand in the table, all of them', () => {
    const rows = [...page.matchAll(/^\| `([a-z0-9-]+)` \| .* \|$/gm)].map(([, name]) => name);
    for (const { name } of shippedScenarios()) assert.ok(rows.includes(name), name);
  });
});
