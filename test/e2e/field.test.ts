import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { environments } from '../../simulator/signals/environment.js';
import type { AgentProcess } from '../helpers/agent-process.js';
import { program, runCommand, type CommandOutcome } from '../helpers/command-line.js';
import type { Onlooker } from '../helpers/onlooker.js';
import { requires } from '../helpers/requires.js';
import { Site, WindowSender } from '../helpers/site.js';

interface OpenWindow {
  readonly device: string;
  readonly boot: number;
  readonly window: number;
  readonly champion: { readonly label?: string };
}

const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/labels.md'), 'utf8');
const truthTopic = 'factory/press-7/truth';

/** Whether these are the samples of a message, frame by frame. */
function isSame(message: string, values: Float32Array): boolean {
  const axes = JSON.parse(message) as Readonly<Record<'x' | 'y' | 'z', readonly number[]>>;
  return values.every((value, i) => {
    const axis = axes[(['x', 'y', 'z'] as const)[i % 3] ?? 'x'];
    return value === Math.fround(axis[Math.floor(i / 3)] ?? NaN);
  });
}

/** A machine in the field, on which the demo's two models differ: from the device to labels and a data set. */
describe('labels and samples from the field', () => {
  let site: Site;
  let onlooker: Onlooker;
  let agent: AgentProcess;
  let sending: NodeJS.Timeout;
  /** What was sent: windows are numbered in this order, from the first that the agent heard. */
  const sent: string[] = [];

  before(async function () {
    requires(this, 'mosquitto');
    site = await Site.open();
    site.configure({ periodMs: 100, truthTopic, captureBytesPerDay: 1_000_000 });
    await command('enrol press-7 --keys keys');
    onlooker = await site.watch();
    agent = site.startAgent();
    const sender = new WindowSender('bearing-fault', 3, environments.field);
    sending = setInterval(() => {
      const message = sender.next();
      sent.push(message);
      onlooker.publish(site.sensorTopic, message).catch(() => undefined);
    }, 50);
    const champion = site.release('vibration-v2', 1);
    await site.publish(champion);
    await onlooker.events.find(({ event }) => event === 'committed');
    await site.compare(
      champion,
      site.release('vibration-v1', 2),
      { windows: 1_000, budgetPermille: 1000 },
      { devices: 1, alphaPermille: 1, deviceMarginPermille: 900, blockWindows: 50 },
    );
    await onlooker.events.find(({ event }) => event === 'shadow');
    const { length } = onlooker.results;
    await onlooker.results.find(() => true, length + 60);
    clearInterval(sending);
  });

  after(async () => {
    clearInterval(sending);
    await agent?.end();
    await onlooker?.leave();
    await site?.close();
  });

  const command = (words: string): Promise<CommandOutcome> =>
    runCommand(words.split(' '), site.folder);
  const field = (words: string): Promise<CommandOutcome> =>
    command(`${words} --slot vibration --broker ${site.broker.url} --keys keys --timeout 10`);
  const succeed = async (words: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await field(words);
    assert.equal(exitCode, 0, stderr + stdout);
    return stdout;
  };
  const listed = async (): Promise<readonly OpenWindow[]> =>
    (await succeed('label --list --json'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as OpenWindow);

  it('are fetched as they were sent, each window in a file of NumPy', async () => {
    await succeed('capture export -o field');
    const folder = path.join(site.folder, 'field');
    const files = readdirSync(folder).filter((name) => name.endsWith('.npy'));
    assert.equal(files.length, (await listed()).length);
    assert.ok(files.length > 0, 'the two models agree on everything');
    const places = new Set<number>();
    for (const name of files) {
      const file = readFileSync(path.join(folder, name));
      const head = 10 + file.readUInt16LE(8);
      assert.equal(head % 64, 0);
      assert.match(file.subarray(10, head).toString(), /'<f4'.*\(256, 3\)/);
      const values = Float32Array.from({ length: (file.length - head) / 4 }, (_, i) =>
        file.readFloatLE(head + 4 * i),
      );
      const window = Number(/-(\d+)\.npy$/.exec(name)?.[1]);
      const place = sent.findIndex((message) => isSame(message, values));
      assert.ok(place >= 0, `${name} was never sent`);
      places.add(place - window);
    }
    // Each file has the number of the window that it holds.
    assert.equal(places.size, 1);
  });

  it('are not written where something is already, nor where a device is silent', async () => {
    mkdirSync(path.join(site.folder, 'full'));
    writeFileSync(path.join(site.folder, 'full', 'mine'), 'mine');
    const full = await field('capture export -o full');
    assert.equal(full.exitCode, 2, full.stderr);
    assert.match(full.stderr, /folder-used/);
    await command('enrol press-8 --keys keys');
    const silent = await field('capture export -o half');
    assert.equal(silent.exitCode, 3, silent.stderr);
    assert.match(silent.stderr, /device-silent/);
    await command('enrol press-8 --keys keys --dismiss');
    assert.ok(!existsSync(path.join(site.folder, 'half')));
    assert.deepEqual(
      readdirSync(site.folder).filter((name) => name.includes('unfinished')),
      [],
    );
  });

  it('are asked for at a terminal, window by window', async function () {
    requires(this, 'script');
    const before = await listed();
    const words = [process.execPath, program, 'label', '--slot', 'vibration', '--keys', 'keys'];
    const line = [...words, '--broker', site.broker.url].join(' ');
    const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
      cwd: site.folder,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let shown = '';
    // Skips the first, takes the champion's word for the second, and ends.
    const answers = ['\r', '1\r', 'q\r'];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      const asked = shown.split('q to end: ').length - 1;
      if (asked > 3 - answers.length) child.stdin.write(answers.shift() ?? '');
    });
    const exitCode = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(exitCode, 0, shown);
    assert.match(shown, /press-7: 1 labels sent, 1 taken/);
    const [, second] = before;
    assert.deepEqual(
      await listed(),
      before.filter((each) => each !== second),
    );
  });

  it('that come in a table after a restart of the agent count for the right windows', async () => {
    const before = await listed();
    await agent.end();
    agent = site.startAgent();
    await onlooker.states.find(({ boot }) => boot === 2);
    const rows = before.map(
      ({ device, boot, window }, i) =>
        `${device},${boot},${window},${i === 0 ? 'Bearing fault' : 'bearing-fault'}`,
    );
    const file = path.join(site.folder, 'labels.csv');
    writeFileSync(file, `device,boot,window,label\n${rows.join('\n')}\n`);
    const { exitCode, stdout, stderr } = await field('label --csv labels.csv --json');
    const said = JSON.parse(stdout || '{}') as Record<string, unknown>;
    // One is spelled otherwise: it is refused by the device, and named here.
    assert.equal(exitCode, 1, stderr);
    assert.equal(said['sent'], before.length);
    assert.equal(said['taken'], before.length - 1);
    const [first] = before;
    const wrong = { boot: first?.boot, window: first?.window, label: 'Bearing fault' };
    assert.deepEqual(said['refused'], [wrong]);
    assert.deepEqual(
      (await listed()).map(({ boot, window }) => [boot, window]),
      [[first?.boot, first?.window]],
    );
    await succeed('capture export -o labelled');
    const index = readFileSync(path.join(site.folder, 'labelled', 'index.csv'), 'utf8');
    const labelled = before.filter(({ device, boot, window }) =>
      index
        .split('\r\n')
        .some(
          (row) =>
            row.startsWith(`${device}-${boot}-${window}.npy,`) &&
            row.endsWith(',bearing-fault,256,3'),
        ),
    );
    assert.equal(labelled.length, before.length - 1);
  });

  it('have a page whose commands do what it says', async () => {
    const rows = (await listed()).map(
      ({ device, boot, window }) => `${device},${boot},${window},bearing-fault\n`,
    );
    writeFileSync(
      path.join(site.folder, 'labels.csv'),
      `device,boot,window,label\n${rows.join('')}`,
    );
    const lines = [...page.matchAll(/^```sh\n([^]*?)\n```/gm)].map(([, line = '']) => line);
    assert.equal(lines.length, 3);
    renameSync(path.join(site.folder, 'field'), path.join(site.folder, 'field-before'));
    for (const line of lines) {
      const words = line.replace('1883', String(site.broker.port)).replace('tinylamp ', '');
      const { exitCode, stderr } = await command(words);
      assert.equal(exitCode, 0, `${line}\n${stderr}`);
    }
    assert.deepEqual(await listed(), []);
  });
});
