import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Outcome } from '../../../simulator/simulation/outcome.js';
import { runCommand } from '../../helpers/command-line.js';
import { demoRelease } from '../simulation/scenario-runner.js';

interface Summary {
  readonly event: 'summary';
  readonly seeds: number;
  readonly held: number;
  readonly failed: readonly { seed: number; exit: number; reason: string }[];
  readonly sometimes: Readonly<Record<string, number>>;
  readonly verdicts: Readonly<Record<string, number>>;
}

const head = `name: searched
duration: 10 min
fleet:
  - {count: 6, sensor: {kind: vibration, environment: laboratory}}
releases:
${demoRelease('v1', 1)}
timeline:
  - {at: 0, publish: v1}
  - {at: 1 min..3 min, fault: {loss: 1 %}}
  - {at: 5 min, fault: {power-cut: now, where: id = sim-00004}}
swarm: {delay: 0..1 s, slow: 1..5 x}
`;

describe('tinylamp simulate --search', function () {
  this.timeout(120_000);
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-search-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const search = async (
    expect: string,
    ...words: string[]
  ): Promise<{ exitCode: number | null; runs: Outcome[]; summary: Summary; stderr: string }> => {
    writeFileSync(path.join(folder, 'searched.yaml'), `${head}expect:\n${expect}`);
    const outcome = await runCommand(
      ['simulate', 'searched.yaml', '--search', '4', '--jobs', '2', '--json', ...words],
      folder,
    );
    const lines = outcome.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    return {
      exitCode: outcome.exitCode,
      stderr: outcome.stderr,
      runs: lines.slice(0, -1) as Outcome[],
      summary: lines.at(-1) as Summary,
    };
  };

  it('runs seed after seed, in their order, and sums them up', async () => {
    const { exitCode, runs, summary } = await search('  - windows.lost = 0\n', '--seed', '7');
    assert.equal(exitCode, 0);
    assert.deepEqual(
      runs.map(({ seed, exit }) => [seed, exit]),
      [7, 8, 9, 10].map((seed) => [seed, 0]),
    );
    assert.equal(new Set(runs.map(({ hash }) => hash)).size, 4);
    assert.deepEqual([summary.seeds, summary.held, summary.failed], [4, 4, []]);
    const alone = await runCommand(['simulate', 'searched.yaml', '--seed', '8', '--json'], folder);
    assert.equal((JSON.parse(alone.stdout) as Outcome).hash, runs[1]?.hash);
  });

  it('saves one device, no fault and little time where nothing else is needed to fail', async () => {
    const { exitCode, runs } = await search('  - count(devices, release = v1) = 0\n');
    assert.equal(exitCode, 11);
    const [first] = runs as (Outcome & { saved: string })[];
    assert.equal(path.basename(first?.saved ?? ''), 'failure-1.yaml');
    const text = readFileSync(first?.saved ?? '', 'utf8');
    assert.match(text, /^# expected count\(devices, release = v1\) = 0; it was \d/);
    assert.match(text, /only:\n {2}- sim-0000\d\n(?! {2}-)/);
    assert.doesNotMatch(text, /fault:/);
    const again = await runCommand(
      ['simulate', first?.saved ?? '', '--seed', '1', '--json'],
      folder,
    );
    const { exit, reason, devices } = JSON.parse(again.stdout) as Outcome;
    assert.deepEqual([exit, devices], [11, 1]);
    assert.match(reason, /^expected count\(devices, release = v1\) = 0; it was 1/);
  });

  it('fails where something that must happen sometimes never did, and counts where it did', async () => {
    const { exitCode, summary } = await search(
      '  - sometimes: windows.answered > 0\n  - sometimes: windows.lost > 0\n',
    );
    assert.equal(exitCode, 11);
    assert.deepEqual(summary.sometimes, { 'windows.answered > 0': 4, 'windows.lost > 0': 0 });
    assert.deepEqual(summary.failed, []);
  });
});
