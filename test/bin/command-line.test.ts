import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { loadCommands } from '../../bin/commands.js';
import { program, runCommand, type CommandOutcome } from '../helpers/command-line.js';
import { findFreePort } from '../helpers/mosquitto.js';

describe('the command line', () => {
  let folder: string;
  const run = (...words: string[]): Promise<CommandOutcome> => runCommand(words, folder);

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-cli-'));
    for (const name of ['vibration-v1.tflite', 'labels.txt', 'pipeline.json']) {
      copyFileSync(
        fileURLToPath(import.meta.resolve(`#demo-models/${name}`)),
        path.join(folder, name),
      );
    }
    const write = (name: string, text: string): void => {
      writeFileSync(path.join(folder, name), text);
    };
    write('three-labels.txt', 'a\nb\nc\n');
    write('small.json', '{"window": {"frames": 7, "channels": 3}}');
    write('typo.json', '{"window": {"frames": 256, "channels": 3, "strid": 1}}');
    write('not.json', 'window: 256');
    const model = readFileSync(path.join(folder, 'vibration-v1.tflite'));
    writeFileSync(path.join(folder, 'short.tflite'), model.subarray(0, model.length - 2_000));
    succeed(await run('keys', 'new', 'keys'));
    succeed(await run('keys', 'new', 'stranger'));
    succeed(
      await run(...'release build vibration-v1.tflite --labels labels.txt'.split(' '), ...built),
    );
    const release = readFileSync(path.join(folder, 'v1.tinylamp'));
    const tampered = Buffer.from(release);
    // The last byte of the signed manifest is the last of its signature, before the list of artifacts.
    const at = tampered.indexOf(model.subarray(0, 64)) - 8;
    tampered[at] = (tampered[at] ?? 0) ^ 1;
    writeFileSync(path.join(folder, 'tampered.tinylamp'), tampered);
    const damaged = Buffer.from(release);
    damaged[damaged.indexOf(model) + 5_000] = 1;
    writeFileSync(path.join(folder, 'damaged.tinylamp'), damaged);
    write('agent.yaml', agentYaml({}));
    write('typo.yaml', agentYaml({}).replace('deviceId', 'deviceID'));
    write('schedule.yaml', `${agentYaml({})}telemetry: {schedule: now and then}\n`);
    write('keyset.yaml', agentYaml({ keyset: 'labels.txt' }));
    write('state.yaml', agentYaml({ stateDir: 'labels.txt/state' }));
    write('plain.yaml', `${agentYaml({})}production: true\n`);
  });

  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('explains each command with --help, and gives an example', async () => {
    for (const { words, options = {} } of await loadCommands()) {
      const { exitCode, stdout, stderr } = await run(...words.split(' '), '--help');
      assert.deepEqual([exitCode, stderr], [0, ''], words);
      assert.match(stdout, new RegExp(`^tinylamp ${words}`), words);
      assert.match(stdout, /^Examples:\n {2}tinylamp /m, words);
      for (const option of Object.keys(options)) assert.ok(stdout.includes(`--${option}`), option);
    }
  });

  it('lists all commands, and the version', async () => {
    const { exitCode, stdout } = await run('--help');
    assert.equal(exitCode, 0);
    for (const { words } of await loadCommands()) {
      assert.ok(stdout.includes(`tinylamp ${words.split(' ', 1)[0] ?? ''}`), words);
    }
    assert.match((await run('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
  });

  const rolloutAt = '--slot other --keys keys --broker mqtt://127.0.0.1:9';
  const refusals: readonly (readonly [line: string, code: string, exitCode: number])[] = [
    // What was typed.
    ['', 'usage-invalid', 2],
    ['bogus', 'usage-invalid', 2],
    ['keys', 'usage-invalid', 2],
    ['keys bogus x', 'usage-invalid', 2],
    ['keys new', 'usage-invalid', 2],
    ['keys new a b', 'usage-invalid', 2],
    ['keys new keys', 'keys-exist', 2],
    ['agent', 'usage-invalid', 2],
    ['agent --config', 'usage-invalid', 2],
    ['agent --config agent.yaml --config agent.yaml', 'usage-invalid', 2],
    ['agent --config agent.yaml --fast', 'usage-invalid', 2],
    ['demo --devices', 'usage-invalid', 2],
    ['demo --devices many', 'usage-invalid', 2],
    ['demo --devices 0', 'usage-invalid', 2],
    ['simulate --broker mqtt://localhost --keys keys', 'usage-invalid', 2],
    ['simulate --live --broker localhost --keys keys', 'usage-invalid', 2],
    ['simulate --live --broker mqtt://localhost --keys keys --seconds 0', 'usage-invalid', 2],
    ['simulate --live --broker mqtt://localhost --keys nowhere', 'file-unreadable', 2],
    ['publish v1.tinylamp --keys keys', 'usage-invalid', 2],
    ['publish v1.tinylamp --keys keys --broker mqtt://localhost:99999', 'usage-invalid', 2],
    ['publish v1.tinylamp --keys keys --broker mqtt://user:secret@localhost', 'usage-invalid', 2],
    // Files of the operator.
    ['release build vibration-v1.tflite --keys nowhere -s a -o x', 'keys-unreadable', 2],
    ['release build nowhere.tflite --keys keys -s a -o x', 'file-unreadable', 2],
    ['release build vibration-v1.tflite --keys keys -s A/b -o x', 'topic-invalid', 2],
    ['release build vibration-v1.tflite --keys keys -s a -o x --sequence 1.5', 'usage-invalid', 2],
    ['release build labels.txt --keys keys -s a -o x', 'model-not-tflite', 1],
    ['release build v1.tinylamp --keys keys -s a -o x', 'model-not-tflite', 1],
    ['release build short.tflite --keys keys -s a -o x', 'model-truncated', 1],
    ...['three-labels.txt', 'vibration-v1.tflite'].map(
      (file) =>
        [
          `release build vibration-v1.tflite --keys keys -s a -o x --labels ${file}`,
          'pipeline-mismatch',
          4,
        ] as const,
    ),
    [
      'release build vibration-v1.tflite --keys keys -s a -o x --pipeline small.json',
      'pipeline-mismatch',
      4,
    ],
    [
      'release build vibration-v1.tflite --keys keys -s a -o x --pipeline typo.json',
      'pipeline-file-invalid',
      2,
    ],
    [
      'release build vibration-v1.tflite --keys keys -s a -o x --pipeline not.json',
      'pipeline-file-invalid',
      2,
    ],
    ['release verify nowhere --keys keys', 'file-unreadable', 2],
    ['release verify labels.txt --keys keys', 'release-file-invalid', 4],
    ['release inspect labels.txt', 'release-file-invalid', 4],
    // Trust.
    ['release verify tampered.tinylamp --keys keys', 'signature-invalid', 4],
    ['release verify damaged.tinylamp --keys keys', 'release-file-invalid', 4],
    ['release verify v1.tinylamp --keys stranger', 'key-unknown', 4],
    ['publish v1.tinylamp --keys stranger --broker mqtt://127.0.0.1:9', 'key-unknown', 4],
    ['publish tampered.tinylamp --keys keys --broker mqtt://127.0.0.1:9', 'signature-invalid', 4],
    // Rollouts.
    ['rollout status --slot a --keys keys', 'rollout-missing', 2],
    ['rollout replay --slot ../a --keys keys', 'topic-invalid', 2],
    ['rollout pause --slot a --keys nowhere --broker mqtt://127.0.0.1:9', 'keys-unreadable', 2],
    ['rollout abort --slot a --keys keys --broker mqtt://127.0.0.1:9', 'rollout-missing', 2],
    [`rollout start tampered.tinylamp ${rolloutAt}`, 'signature-invalid', 4],
    [`rollout start v1.tinylamp ${rolloutAt}`, 'usage-invalid', 2],
    [`rollout start ${rolloutAt} --exposures 50,25,100`, 'usage-invalid', 2],
    [`rollout start ${rolloutAt} --exposures 10,50`, 'usage-invalid', 2],
    [`rollout start ${rolloutAt} --scope everyone`, 'usage-invalid', 2],
    [`rollout start ${rolloutAt} --harm 30 --safe 20`, 'plan-contradictory', 2],
    [`rollout start ${rolloutAt} --alpha 0.01`, 'usage-invalid', 2],
    // The configuration of an agent.
    ['agent --config nowhere.yaml', 'configuration-invalid', 2],
    ['agent --config typo.yaml', 'configuration-invalid', 2],
    ['agent --config schedule.yaml', 'schedule-invalid', 2],
    ['agent --config keyset.yaml', 'configuration-invalid', 2],
    ['agent --config state.yaml', 'configuration-invalid', 2],
    ['agent --config plain.yaml', 'configuration-invalid', 2],
  ];
  // A process takes longer to start than to refuse: a few at a time.
  const outcomes = new Map<string, CommandOutcome>();
  before(async () => {
    const waiting = refusals.map(([line]) => line);
    const work = async (): Promise<void> => {
      for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) {
        outcomes.set(line, await run(...line.split(' ').filter((word) => word !== '')));
      }
    };
    await Promise.all([work(), work(), work(), work()]);
  });
  for (const [line, code, exitCode] of refusals) {
    it(`answers "tinylamp ${line}" with ${code} and exit code ${exitCode}`, () => {
      const outcome = outcomes.get(line);
      assert.ok(outcome);
      assert.equal(outcome.stdout, '');
      const lines = outcome.stderr.trimEnd().split('\n');
      const [said = '', remedy = ''] = lines.slice(-2);
      assert.match(said, new RegExp(`^tinylamp: ${code}: .`), outcome.stderr);
      assert.match(remedy, /^ {2}[A-Z].*\.$/);
      assert.doesNotMatch(outcome.stderr, /^ +at /m);
      assert.equal(outcome.exitCode, exitCode);
    });
  }

  it('says that a broker cannot be reached, with exit code 3', async () => {
    const url = `mqtt://127.0.0.1:${await findFreePort()}`;
    const outcome = await run('publish', 'v1.tinylamp', '--keys', 'keys', '--broker', url);
    assert.match(outcome.stderr, /^tinylamp: broker-unreachable: /m);
    assert.equal(outcome.exitCode, 3);
  });

  it('uses up no sequence number for a release that could not be built', async () => {
    const build = 'release build vibration-v1.tflite --keys keys -s row -o row.tinylamp --json';
    const failed = await run(...`${build} --labels three-labels.txt`.split(' '));
    assert.equal(failed.exitCode, 4);
    const sequences: unknown[] = [];
    for (const options of ['', ' --sequence 7', '']) {
      const { stdout } = succeed(await run(...(build + options).split(' ')));
      sequences.push((JSON.parse(stdout) as { sequence: number }).sequence);
    }
    assert.deepEqual(sequences, [1, 7, 8]);
  });

  it('prints one JSON value a line with --json', async () => {
    for (const line of [
      'keys new json-keys --json',
      'release verify v1.tinylamp --keys keys --json',
      'release inspect v1.tinylamp --json',
    ]) {
      const { stdout } = succeed(await run(...line.split(' ')));
      assert.match(stdout, /^\{.*\}\n$/, line);
      assert.equal(typeof JSON.parse(stdout), 'object', line);
    }
  });

  it('keeps keys to their owner', () => {
    assert.equal(statSync(path.join(folder, 'keys/operator.key.pem')).mode & 0o777, 0o600);
    assert.equal(statSync(path.join(folder, 'keys')).mode & 0o777, 0o700);
  });

  it('ends quietly when its reader goes away', async () => {
    for (const words of [['--help'], ['release', 'inspect', 'v1.tinylamp']]) {
      const child = spawn(process.execPath, [program, ...words], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      // Closed before the program has begun to write.
      child.stdout.destroy();
      let complaints = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
      const exitCode = await new Promise((resolve) => child.once('close', resolve));
      assert.deepEqual([exitCode, complaints], [0, ''], words.join(' '));
    }
  });
});

const built = '--pipeline pipeline.json --slot vibration --keys keys -o v1.tinylamp'.split(' ');

function succeed(outcome: CommandOutcome): CommandOutcome {
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome;
}

function agentYaml({ keyset = 'keys/keyset.cbor', stateDir = 'state' }): string {
  return `deviceId: press-7
stateDir: ${stateDir}
mqtt: {url: "mqtt://127.0.0.1:9"}
trust: {keyset: ${keyset}}
slots:
  vibration:
    source: {type: mqtt, topic: accel, decode: json, fields: [/x, /y, /z]}
`;
}
