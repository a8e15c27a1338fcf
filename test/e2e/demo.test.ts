import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';

const program = path.resolve(import.meta.dirname, '../../../bin/tinylamp.js');
const devices = 48;

/** One line of `tinylamp demo --json` (design, section 9). */
interface Line {
  readonly at?: number;
  readonly event: string;
  readonly device?: string;
  readonly slot?: string;
  readonly release?: number;
  readonly code?: string;
  readonly reason?: string;
  readonly inferences?: number;
  readonly missed?: number;
  readonly devices?: number;
  readonly verdict?: string;
  readonly action?: string;
}

describe('tinylamp demo', function () {
  this.timeout(300_000);
  let lines: readonly Line[] = [];
  let exitCode: number | null = null;
  let progress = '';

  before(() => {
    const run = spawnSync(process.execPath, [program, 'demo', '--exit', '--json'], {
      encoding: 'utf8',
      timeout: 170_000,
    });
    exitCode = run.status;
    progress = run.stderr;
    lines = run.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
  });

  it('ends with 0, because all happened as told', () => {
    assert.equal(exitCode, 0);
  });

  it('says nothing beside its progress: no warning of Node, no complaint', () => {
    const foreign = progress.split('\n').filter((line) => line !== '' && !line.startsWith('  '));
    assert.deepEqual(foreign, []);
  });

  it('closes with a summary in which no window was missed', () => {
    const summary = lines.at(-1);
    assert.equal(summary?.event, 'summary');
    assert.equal(summary.missed, 0);
    assert.equal(summary.devices, devices);
    assert.ok((summary.inferences ?? 0) > 10 * devices);
  });

  const phases = ['offered', 'admitted', 'verified', 'self-tested', 'staged'];
  for (const [release, courses] of [
    [10, ['trial', 'committed']],
    [20, ['shadow', 'trial', 'committed']],
  ] as const) {
    it(`brings release ${release} through ${courses.join(', ')} on every device`, () => {
      for (const phase of [...phases, ...courses]) assertOnAll(phase, release, undefined);
    });
  }

  it('brings release 30 into the shadow, unless a device is busy going back or forth when it is aborted', () => {
    const found = lines.filter(({ event, release }) => event === 'shadow' && release === 30);
    assert.ok(new Set(found.map(({ device }) => device)).size >= devices - 2);
  });

  it('promotes the better model step by step, and aborts the trap on harm', () => {
    const verdicts = lines.filter(({ event }) => event === 'verdict');
    assert.deepEqual(
      verdicts.map(({ release, verdict, action }) => [release, verdict, action]),
      [
        [20, 'safe', 'advance'],
        [20, 'safe', 'advance'],
        [20, 'safe', 'advance'],
        [20, 'safe', 'promote'],
        [30, 'harm', 'abort'],
      ],
    );
  });

  const refusals: readonly (readonly [release: number, code: string])[] = [
    [40, 'block-invalid'],
    [41, 'signature-invalid'],
    [42, 'key-unknown'],
    [5, 'sequence-below-floor'],
    [43, 'self-test-mismatch'],
  ];
  for (const [release, code] of refusals) {
    it(`shows that every device refuses release ${release} with ${code} and a reason`, () => {
      assertOnAll('rejected', release, code);
    });
  }

  it('commits nothing that is bad', () => {
    const committed = lines.filter(({ event }) => event === 'committed');
    assert.deepEqual(new Set(committed.map(({ release }) => release)), new Set([10, 20]));
  });

  function assertOnAll(event: string, release: number, code: string | undefined): void {
    const found = lines.filter((line) => line.event === event && line.release === release);
    assert.equal(new Set(found.map(({ device }) => device)).size, devices, `${event} ${release}`);
    for (const line of found) {
      assert.equal(line.slot, 'vibration');
      assert.equal(line.code, code);
      assert.equal(line.reason === undefined, code === undefined);
      assert.equal(typeof line.at, 'number');
    }
  }
});
