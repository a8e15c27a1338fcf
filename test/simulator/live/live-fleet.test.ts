import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readRoster } from '../../../operator/roster/roster.js';
import { createDiskFiles } from '../../../operator/adapters/disk-files.js';
import { openBrokerSession } from '../../helpers/broker-session.js';
import { createAuthority } from '../../helpers/certificates.js';
import { runCommand, type CommandOutcome } from '../../helpers/command-line.js';
import { startMosquitto } from '../../helpers/mosquitto.js';
import { requires } from '../../helpers/requires.js';
import { Site } from '../../helpers/site.js';

/** What a test reads of a summary. */
interface Summary {
  readonly exit: number;
  readonly reason: string;
  readonly first: string;
  readonly devices: number;
  readonly connected: number;
  readonly committed: number;
  readonly neverConnected: Readonly<Record<string, number>>;
  readonly windows: Readonly<Record<string, number>>;
  readonly arrivals: Readonly<
    Record<string, { published: number; accepted: number; dropped: number; heard: number }>
  >;
  readonly unheard: number;
  readonly events: Readonly<Record<string, number>>;
  readonly latencyMs: { p50: number; p95: number; p99: number };
  readonly expectations: readonly { text: string; held: boolean }[];
}

describe('a live fleet', function () {
  this.timeout(60_000);
  let site: Site;
  before(async function () {
    requires(this, 'mosquitto');
    site = await Site.open();
    await site.publish(site.release('vibration-v1', 1));
  });
  after(async () => {
    await site?.close();
  });

  const simulate = (...words: string[]): Promise<CommandOutcome> =>
    runCommand(['simulate', ...words, '--live', '--keys', 'keys', '--json'], site.folder);
  const summaryOf = ({ stdout, stderr }: CommandOutcome): Summary => {
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as Summary;
  };
  const small = ['--devices', '4', '--ramp', '100', '--period', '200'];

  it('tells what became of each window and message', async () => {
    const outcome = await simulate('--broker', site.broker.url, ...small, '--seconds', '4');
    const { exit, devices, connected, committed, windows, arrivals, unheard, latencyMs } =
      summaryOf(outcome);
    assert.deepEqual([exit, devices, connected, committed, unheard], [0, 4, 4, 4, 0]);
    const { completed = 0, answered = 0, lost } = windows;
    assert.ok(completed >= 40 && answered >= completed - 30, JSON.stringify(windows));
    assert.equal(lost, 0);
    const { published, accepted, heard } = arrivals['results'] ?? {};
    assert.ok(published !== undefined && published >= answered);
    assert.deepEqual([accepted, heard], [published, published]);
    assert.ok(latencyMs.p50 > 0 && latencyMs.p50 <= latencyMs.p99);
  });

  it('keeps disks and counts starts over runs with --state', async () => {
    const words = ['--broker', site.broker.url, ...small, '--state', 'disks', '--seconds', '3'];
    assert.equal(summaryOf(await simulate(...words)).committed, 4);
    const watching = await site.watch('sim-0002');
    try {
      const again = summaryOf(await simulate(...words));
      assert.deepEqual([again.exit, again.committed], [0, 4]);
      const boots = watching.presences.entries.filter(({ online }) => online);
      assert.equal(boots.at(-1)?.boot, 2);
      // What was committed in the first run answers from the first window on, without another trial.
      assert.deepEqual(
        watching.events.entries.filter(({ event }) => event === 'trial'),
        [],
      );
    } finally {
      await watching.leave();
    }
  });

  it('has ids of its own with --first and --id-format, enters them into the roster, and says who logs', async () => {
    const ids = ['--first', '98', '--id-format', 'pump-%03d', '--enrol', '--events'];
    const outcome = await simulate('--broker', site.broker.url, ...small, ...ids, '--seconds', '2');
    assert.equal(summaryOf(outcome).first, 'pump-098');
    const { devices } = readRoster(createDiskFiles(), path.join(site.folder, 'keys'));
    const enrolled = devices.filter(({ deviceId }) => deviceId.startsWith('pump-'));
    assert.deepEqual(
      enrolled.map(({ deviceId, key }) => [deviceId, key?.length]),
      ['pump-098', 'pump-099', 'pump-100', 'pump-101'].map((id) => [id, 64]),
    );
    const lines = outcome.stderr.split('\n').filter((line) => line.startsWith('{'));
    const logged = new Set(lines.map((line) => (JSON.parse(line) as { device: string }).device));
    assert.deepEqual([...logged].sort(), ['pump-098', 'pump-099', 'pump-100', 'pump-101']);
  });

  it('tells each device the truth of the windows that it answered, with --labels', async () => {
    const watching = await site.watch('sim-0001');
    const session = await openBrokerSession(site.broker.url);
    const told: { boot: number; window: number; label: string }[] = [];
    await session.listen('truth/sim-0001', (payload) => {
      told.push(JSON.parse(new TextDecoder().decode(payload)) as (typeof told)[number]);
    });
    try {
      const words = ['--broker', site.broker.url, ...small, '--labels', '--seconds', '4'];
      assert.equal(summaryOf(await simulate(...words)).committed, 4);
      const answered = watching.results.entries.map(({ window }) => window);
      assert.ok(answered.length > 5);
      // The last ones are answered while the run ends.
      assert.deepEqual(told.map(({ window }) => window).slice(0, 5), answered.slice(0, 5));
      assert.deepEqual([...new Set(told.map(({ label }) => label))], ['normal']);
      assert.equal(watching.states.entries.at(-1)?.slots['vibration']?.truth, 'truth/sim-0001');
    } finally {
      await session.close();
      await watching.leave();
    }
  });

  it('adds up what several processes write into one file', async () => {
    const words = ['--broker', site.broker.url, ...small, '--join', 'parts', '--seconds', '3'];
    await Promise.all([
      simulate(...words, '--first', '1001'),
      simulate(...words, '--first', '2001'),
    ]);
    const lines = readFileSync(path.join(site.folder, 'parts'), 'utf8').trim().split('\n');
    assert.equal(lines.length, 2);
    // A run that is repeated takes the place of its first part.
    const joined = summaryOf(await simulate(...words, '--first', '2001'));
    assert.deepEqual([joined.devices, joined.connected, joined.committed], [8, 8, 8]);
  });

  it('runs the fleet of a scenario, and asks what it expects of devices', async () => {
    writeFileSync(
      path.join(site.folder, 'hall.yaml'),
      `name: hall
duration: 12 s
period: 200 ms
fleet:
  - {count: 3, site: hall-1, sensor: {kind: vibration}}
  - {count: 1, site: hall-2, profile: nucleo-l4r5, sensor: {kind: vibration}}
labels: {share: 50 %}
releases:
  v1: {model: "demo:vibration-v1"}
timeline:
  - {at: 0, publish: v1}
expect:
  - windows.lost = 0
  - share(devices, release = v1) = 100 %
  - count(devices, site = hall-1 and phase = committed) = 3 within 8 s
  - count(devices, site = hall-2) = 2
`,
    );
    const outcome = await simulate(
      'hall.yaml',
      '--broker',
      site.broker.url,
      '--ramp',
      '100',
      '--seconds',
      '4',
    );
    const { exit, reason, devices, expectations } = summaryOf(outcome);
    assert.equal(devices, 4);
    assert.deepEqual(
      expectations.map(({ text, held }) => [text, held]),
      [
        ['windows.lost = 0', true],
        ['count(devices, site = hall-1 and phase = committed) = 3 within 8 s', true],
        ['count(devices, site = hall-2) = 2', false],
      ],
    );
    assert.deepEqual([outcome.exitCode, exit], [11, 11]);
    assert.match(reason, /hall-2/);
    assert.match(outcome.stderr, /left out: expect: share\(devices, release = v1\)/);
  });

  it('ends with 3 where there is no broker', async () => {
    // Port 9 (discard) answers nowhere on a loopback interface of today.
    const outcome = await simulate('--broker', 'mqtt://127.0.0.1:9', ...small, '--seconds', '2');
    const { neverConnected, reason } = summaryOf(outcome);
    assert.equal(outcome.exitCode, 3);
    assert.deepEqual(neverConnected, { 'broker-unreachable': 4 });
    assert.match(reason, /4 of 4 devices never had a session: broker-unreachable/);
  });

  it('ends with 4 where the devices do not know the keys that releases are signed with', async () => {
    await runCommand(['keys', 'new', 'others'], site.folder);
    const words = ['--broker', site.broker.url, ...small, '--seconds', '3', '--live', '--json'];
    const outcome = await runCommand(['simulate', ...words, '--keys', 'others'], site.folder);
    assert.equal(outcome.exitCode, 4);
    assert.match(summaryOf(outcome).reason, /key-unknown/);
  });

  const refusals: readonly (readonly [what: string, words: readonly string[]])[] = [
    ['an id format without a number', ['--id-format', 'pump']],
    ['an id format that no topic can hold', ['--id-format', 'a/%d']],
    ['an option that the scenario decides', ['hall.yaml', '--period', '100']],
    ['a ramp that starts nobody', ['--ramp', '0']],
  ];
  for (const [what, words] of refusals) {
    it(`refuses ${what} before it connects`, async () => {
      const outcome = await simulate(...words, '--broker', site.broker.url);
      assert.equal(outcome.exitCode, 2);
      assert.match(outcome.stderr, /^tinylamp: usage-invalid/m);
    });
  }
});

describe('a live fleet at a broker with TLS and passwords', function () {
  this.timeout(60_000);

  it('gives each device the name that the broker knows, and the one authority', async function () {
    requires(this, 'mosquitto');
    requires(this, 'openssl');
    const authority = createAuthority();
    const { cert, key } = authority.issue('localhost', 'DNS:localhost,IP:127.0.0.1');
    const broker = await startMosquitto({
      config: (port) =>
        `listener ${port} 127.0.0.1\nallow_anonymous true\ncertfile cert\nkeyfile key\nacl_file acl\npersistence false\n`,
      files: {
        cert,
        key,
        // The device whose name is not its own may not say anything.
        acl: 'user sim-0001-user\ntopic readwrite tinylamp/#\nuser observer-user\ntopic readwrite tinylamp/#\n',
      },
    });
    const site = await Site.open();
    try {
      writeFileSync(path.join(site.folder, 'ca.pem'), authority.ca);
      writeFileSync(path.join(site.folder, 'password'), 'any\n');
      const words = [
        ...['simulate', '--live', '--json', '--keys', 'keys', '--devices', '1', '--seconds', '2'],
        ...['--broker', `mqtts://127.0.0.1:${broker.port}`, '--ca', 'ca.pem'],
        ...['--username', '%i-user', '--password-file', 'password', '--period', '200'],
      ];
      const outcome = await runCommand(words, site.folder);
      const summary = JSON.parse(outcome.stdout) as Summary;
      assert.deepEqual([outcome.exitCode, summary.connected], [0, 1], outcome.stderr);
      assert.equal(summary.events['topic-refused'], undefined);
    } finally {
      await site.close();
      await broker.stop();
      authority.close();
    }
  });
});
