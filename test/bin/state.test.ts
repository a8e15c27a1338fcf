import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { lockStateDir } from '../../agent/adapters/state-lock.js';
import { slotOf } from '../../agent/core/state/record.js';
import { decodeRecord, encodeRecord } from '../../agent/core/state/record-codec.js';
import { runCommand, type CommandOutcome } from '../helpers/command-line.js';
import { sampleRecord } from '../helpers/records.js';

/** On a state folder whose record has the slots `vibration`, with releases, and `vision`, without. */
describe('tinylamp state', () => {
  let folder: string;
  const copies = ['state/a', 'state/b'];
  const fileOf = (name: string): string => path.join(folder, 'state', name);
  const run = (...words: string[]): Promise<CommandOutcome> =>
    runCommand(['state', '--config', 'agent.yaml', ...words], folder);

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-state-'));
    const made = await runCommand(['keys', 'new', 'keys'], folder);
    assert.equal(made.exitCode, 0, made.stderr);
    writeFileSync(
      path.join(folder, 'agent.yaml'),
      `deviceId: press-7
stateDir: state
mqtt: {url: "mqtt://127.0.0.1:1"}
trust: {keyset: keys/keyset.cbor}
slots:
  vision:
    source: {type: mqtt, topic: camera, decode: bmp}
`,
    );
  });
  beforeEach(() => {
    mkdirSync(fileOf('state'), { recursive: true });
    mkdirSync(fileOf('manifests'), { recursive: true });
    for (const name of copies) {
      writeFileSync(fileOf(name), encodeRecord({ generation: 4, record: sampleRecord }));
    }
    writeFileSync(fileOf(`manifests/${'7'.repeat(64)}`), new Uint8Array(120));
    // What the agent is writing at this moment.
    writeFileSync(fileOf('manifests/a.new'), 'half');
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('lists slots with their releases and bytes, for people and as JSON, and touches nothing', async () => {
    const text = await run();
    assert.equal(text.exitCode, 0, text.stderr);
    assert.equal(
      text.stdout,
      'vision  no release  floor 0  0 bytes\n' +
        'vibration (not configured)  current 7, previous 6, candidate 8  floor 6  120 bytes\n',
    );
    const json = await run('--json');
    const lines = json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    assert.deepEqual(lines[1], {
      slot: 'vibration',
      configured: false,
      current: 7,
      previous: 6,
      candidate: 8,
      sequenceFloor: 6,
      epochFloor: 1,
      policyVersion: 3,
      bytes: 120,
    });
    assert.equal(readFileSync(fileOf('manifests/a.new'), 'utf8'), 'half');
  });

  it('--forget drops the releases of a slot in both copies, and keeps its floors and what it refused', async () => {
    const done = await run('--forget', 'vibration', '--json');
    assert.equal(done.exitCode, 0, done.stderr);
    const before = slotOf(sampleRecord, 'vibration');
    for (const name of copies) {
      const copy = decodeRecord(new Uint8Array(readFileSync(fileOf(name))));
      assert.ok(typeof copy === 'object');
      assert.deepEqual(slotOf(copy.record, 'vibration'), {
        ...before,
        current: undefined,
        previous: undefined,
        candidate: undefined,
      });
      assert.equal(copy.generation, 5);
    }
  });

  it('--forget refuses what is configured, what is unknown, and while the agent runs', async () => {
    const unchanged = (): void => {
      for (const name of copies) {
        const expected = encodeRecord({ generation: 4, record: sampleRecord });
        assert.deepEqual(new Uint8Array(readFileSync(fileOf(name))), expected);
      }
    };
    const configured = await run('--forget', 'vision');
    assert.match(configured.stderr, /slot-configured/);
    const unknown = await run('--forget', 'unheard-of');
    assert.match(unknown.stderr, /slot-unknown/);
    const unlock = await lockStateDir(path.join(folder, 'state'));
    const locked = await run('--forget', 'vibration');
    await unlock();
    assert.match(locked.stderr, /state-dir-in-use/);
    for (const { exitCode } of [configured, unknown, locked]) assert.equal(exitCode, 2);
    unchanged();
  });

  it('says what is wrong with a record that it cannot use, and leaves it', async () => {
    for (const name of copies) writeFileSync(fileOf(name), 'damaged');
    const lost = await run('--forget', 'vibration');
    assert.match(lost.stderr, /state-lost/);
    assert.equal(lost.exitCode, 4);
    for (const name of copies) assert.equal(readFileSync(fileOf(name), 'utf8'), 'damaged');
  });
});
