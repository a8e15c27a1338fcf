import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import type { FleetRow } from '../../operator/fleet/fleet-view.js';
import { startBroker, type EmbeddedBroker } from '../../simulator/demo/broker.js';
import { createLiveFleet, type LiveFleet } from '../../simulator/live/live-fleet.js';
import { describeMachines } from '../../simulator/live/machines.js';
import { program, runCommand } from '../helpers/command-line.js';

const models = fileURLToPath(new URL('../../../simulator/demo/models/', import.meta.url));
const slot = 'vibration';

/** What devices decide is seen by what they publish. */
/** Two simulated devices are enrolled and run; one is enrolled and silent; one runs and is unknown. */
describe('tinylamp watch', function () {
  this.timeout(300_000);
  let folder = '';
  let broker: EmbeddedBroker | undefined;
  let fleet: LiveFleet | undefined;
  const children: ChildProcess[] = [];
  const failures: unknown[] = [];

  const run = async (...words: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await runCommand(words, folder);
    assert.equal(exitCode, 0, stderr);
    return stdout;
  };
  const watch = (...words: readonly string[]): readonly string[] => [
    'watch',
    ...['--broker', broker?.url ?? '', '--keys', 'keys', ...words],
  ];

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-watch-'));
    broker = await startBroker(0);
    await run('keys', 'new', 'keys');
    for (const id of ['sim-0001', 'sim-0002', 'press-7']) {
      await run('enrol', id, '--keys', 'keys', '--label', 'site=hall-2');
    }
    await run(
      ...['release', 'build', path.join(models, 'vibration-v1.tflite'), '--slot', slot],
      ...['--labels', path.join(models, 'labels.txt')],
      ...['--pipeline', path.join(models, 'pipeline.json'), '--keys', 'keys', '-o', 'v1.tinylamp'],
    );
    fleet = createLiveFleet({
      devices: describeMachines({
        seed: 1,
        devices: 3,
        environment: 'laboratory',
        periodMs: 100,
        framesPerBurst: 256,
      }),
      broker: { urls: [broker.url] },
      prefix: 'tinylamp',
      slot,
      periodMs: 100,
      telemetrySchedule: '* * * * * *',
      keyset: new Uint8Array(readFileSync(path.join(folder, 'keys', 'keyset.cbor'))),
      agentVersion: [0, 1, 0],
      core: await compileWasmCore(),
      failed: (_, error) => failures.push(error),
    });
    fleet.start();
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await fleet?.stop(2_000);
    await broker?.close();
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(failures, []);
  });

  it('tells line by line how a release comes to the devices, until it is interrupted', async () => {
    const child = spawn(process.execPath, [program, ...watch('--json')], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const awaited = new Set(['sim-0001', 'sim-0002']);
    let published: Promise<string> | undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      const { deviceId, online, slots } = JSON.parse(line) as FleetRow;
      // Published only when the watch is there, so that nothing of it can be missed.
      if (online === true) {
        published ??= run(
          'publish',
          'v1.tinylamp',
          '--broker',
          broker?.url ?? '',
          '--keys',
          'keys',
        );
      }
      const known = slots[slot];
      if (known?.phase === 'committed' && known.windows > 0 && known.latencyUs !== undefined) {
        awaited.delete(deviceId);
      }
      if (awaited.size === 0) break;
    }
    await published;
    assert.deepEqual([...awaited], []);
    child.kill('SIGINT');
    assert.equal(await ended, 0);
  });

  it('prints once what the broker retains; who is silent is there too', async () => {
    const lines = (await run(...watch('--once'))).trimEnd().split('\n');
    assert.equal(lines.length, 5, lines.join('\n'));
    assert.match(lines[1] ?? '', /^press-7 +never +-/);
    assert.match(lines[2] ?? '', /^sim-0001 +yes +1 +committed/);
    assert.match(lines[4] ?? '', /^3 devices, 2 online, 1 never heard of, 2 committed, 2 run 1/);
  });

  it('prints one object per device with --once --json', async () => {
    const rows = (await run(...watch('--once', '--json', '--slot', slot)))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as FleetRow);
    assert.deepEqual(
      rows.map((row) => [row.deviceId, row.enrolled, row.online, row.slots[slot]?.current]),
      [
        ['press-7', true, undefined, undefined],
        ['sim-0001', true, true, 1],
        ['sim-0002', true, true, 1],
      ],
    );
    assert.deepEqual(rows[0]?.labels, { site: 'hall-2' });
  });

  it('finds devices that are not enrolled with --all', async () => {
    const table = await run(...watch('--once', '--all'));
    assert.match(table, /^sim-0003 +yes \(not enrolled\) +1 +committed/m);
    assert.match(table, /^press-7 +never/m);
  });

  it('prints the table once and then only changes where there is no terminal', async () => {
    const child = spawn(process.execPath, [program, ...watch()], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      assert.ok(!line.includes('\x1b'), line);
      lines.push(line);
      // Devices that go on publishing results, and do nothing else, are no news; one that leaves is.
      if (line.startsWith('3 devices, ')) void fleet?.stop(2_000);
      if (lines.filter((each) => / {2}online no {2}/.test(each)).length === 2) break;
    }
    child.kill('SIGINT');
    assert.equal(await ended, 0);
    assert.equal(lines.filter((each) => each.startsWith('3 devices, ')).length, 1);
    assert.equal(lines.length, 7, lines.join('\n'));
    assert.match(
      lines.at(-1) ?? '',
      /^[-\d]+T\S+Z {2}sim-000\d {2}vibration {2}online no {2}release 1 {2}committed$/,
    );
  });

  const refusals: readonly (readonly [what: string, words: readonly string[], code: string])[] = [
    ['a slot that is none', ['--slot', '+'], 'topic-invalid'],
    ['a prefix that is none', ['--prefix', '#'], 'topic-invalid'],
    ['a password file that is not there', ['--password-file', 'nowhere'], 'file-unreadable'],
  ];
  for (const [what, words, expected] of refusals) {
    it(`refuses ${what} before it connects`, async () => {
      const { exitCode, stderr } = await runCommand(watch('--once', ...words), folder);
      assert.notEqual(exitCode, 0);
      assert.ok(stderr.startsWith(`tinylamp: ${expected}: `), stderr);
    });
  }

  it('says so where nobody is enrolled, and where there is no broker', async () => {
    await run('keys', 'new', 'others');
    const url = broker?.url ?? '';
    const empty = ['watch', '--once', '--broker', url, '--keys', 'others'];
    const nobody = await runCommand(empty, folder);
    assert.equal(nobody.exitCode, 2);
    assert.match(nobody.stderr, /^tinylamp: device-unknown/);
    // Port 9 (discard) answers nowhere on a loopback interface of today.
    const away = ['watch', '--once', '--broker', 'mqtt://127.0.0.1:9', '--keys', 'keys'];
    assert.equal((await runCommand(away, folder)).exitCode, 3);
  });
});

describe('tinylamp enrol', () => {
  let folder = '';
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-enrol-'));
    assert.equal((await runCommand(['keys', 'new', 'keys'], folder)).exitCode, 0);
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const enrol = async (
    ...words: readonly string[]
  ): Promise<{ exitCode: number | null; json: Readonly<Record<string, unknown>> }> => {
    const all = ['enrol', ...words, '--keys', 'keys', '--json'];
    const { exitCode, stdout } = await runCommand(all, folder);
    return { exitCode, json: JSON.parse(stdout || '{}') as Readonly<Record<string, unknown>> };
  };

  it('gives a credential once, keeps no password, and gives another only when asked', async () => {
    const first = await enrol('--label', 'site=hall-2', '--label', 'class=pi4', 'press-7');
    assert.equal(first.exitCode, 0);
    assert.deepEqual(first.json['labels'], { site: 'hall-2', class: 'pi4' });
    assert.equal((await enrol('press-7')).exitCode, 2);
    const again = await enrol('press-7', '--again');
    assert.equal(again.exitCode, 0);
    assert.deepEqual(again.json['labels'], first.json['labels']);
    assert.notEqual(again.json['password'], first.json['password']);
    const roster = readFileSync(path.join(folder, 'keys', 'roster.json'), 'utf8');
    for (const { json } of [first, again]) assert.ok(!roster.includes(String(json['password'])));
  });

  it('refuses labels that are none, twice the same, and devices that are unknown', async () => {
    assert.equal((await enrol('press-8', '--label', 'site')).exitCode, 2);
    assert.equal((await enrol('press-8', '--label', 'a=1', '--label', 'a=2')).exitCode, 2);
    assert.equal((await enrol('press-8', '--again')).exitCode, 2);
    assert.equal((await enrol('press-8', '--dismiss')).exitCode, 2);
    assert.equal((await enrol('press/8')).exitCode, 2);
    assert.equal((await enrol()).exitCode, 2);
  });

  it('lists who is enrolled, until they are dismissed', async () => {
    assert.equal((await enrol('--list')).json['deviceId'], 'press-7');
    assert.equal((await enrol('press-7', '--dismiss')).exitCode, 0);
    assert.deepEqual(await enrol('--list'), { exitCode: 0, json: {} });
  });
});
