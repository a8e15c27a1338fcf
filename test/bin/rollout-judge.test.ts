import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommand } from '../helpers/command-line.js';

describe('tinylamp rollout judge', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-judge-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const judge = (evidence: unknown, ...more: readonly string[]) => {
    writeFileSync(path.join(folder, 'evidence.json'), JSON.stringify(evidence));
    return runCommand(['rollout', 'judge', 'evidence.json', ...more], folder);
  };
  const equal = Array.from({ length: 8 }, () => [0, 0, 10]);
  const devices = Array.from({ length: 48 }, (_, i) => ({ id: `d${i}`, blocks: equal }));

  it('prints the keys of its answer as JSON', async () => {
    const { exitCode, stdout } = await judge({ devices }, '--json');
    assert.equal(exitCode, 0);
    const answer = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual(Object.keys(answer), [
      'verdict',
      'guardrail',
      'lower',
      'upper',
      'rounds',
      'scope',
      'named',
      'left',
      'reason',
    ]);
    assert.equal(answer['verdict'], 'safe');
    assert.equal(answer['rounds'], 8);
    assert.deepEqual(answer['left'], []);
  });

  it('prints a sentence for people', async () => {
    const { stdout } = await judge({ devices });
    assert.match(
      stdout,
      /^safe: on the 48 devices that compared, the challenger gives less than 2 /,
    );
  });

  it('refuses what is no evidence with a code', async () => {
    const { exitCode, stdout, stderr } = await judge({
      devices: [{ id: 'a', blocks: [[9, 9, 10]] }],
    });
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /evidence-file-invalid: devices\.0\.blocks\.0: /);
  });
});
