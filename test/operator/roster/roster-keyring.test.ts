import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RosterKeyring } from '../../../operator/roster/roster-keyring.js';
import { believeAgain, dismiss, enrol, readRoster } from '../../../operator/roster/roster.js';
import { createDiskFiles } from '../../../operator/adapters/disk-files.js';

const wallMs = Date.UTC(2026, 0, 31, 12);
const [first, second] = ['ab'.repeat(32), 'cd'.repeat(32)];

describe('the keys of the roster', () => {
  const files = createDiskFiles();
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-keyring-'));
    enrol(files, folder, { deviceId: 'press-7', labels: { site: 'hall-2' } }, wallMs);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const keyOf = (deviceId: string): string | undefined =>
    readRoster(files, folder).devices.find((each) => each.deviceId === deviceId)?.key;

  it('are unknown at first, and the first one that a device names is written down with the next save', () => {
    const keyring = new RosterKeyring(files, folder);
    assert.equal(keyring.find('press-7'), undefined);
    keyring.pin('press-7', first);
    assert.equal(keyring.find('press-7'), first);
    assert.equal(keyOf('press-7'), undefined);
    keyring.save();
    assert.equal(keyOf('press-7'), first);
    assert.equal(new RosterKeyring(files, folder).find('press-7'), first);
    assert.equal(readRoster(files, folder).devices[0]?.labels['site'], 'hall-2');
    assert.equal(statSync(path.join(folder, 'roster.json')).mode & 0o777, 0o600);
  });

  it('are not replaced by what was named while the operator enrolled the key', () => {
    const keyring = new RosterKeyring(files, folder);
    keyring.pin('press-7', first);
    believeAgain(files, folder, 'press-7', second);
    keyring.save();
    assert.equal(keyOf('press-7'), second);
  });

  it('leave alone who was enrolled or dismissed meanwhile', () => {
    const keyring = new RosterKeyring(files, folder);
    keyring.pin('press-7', first);
    enrol(files, folder, { deviceId: 'press-8', labels: {}, key: second }, wallMs);
    dismiss(files, folder, 'press-7');
    keyring.save();
    assert.deepEqual(
      readRoster(files, folder).devices.map(({ deviceId, key }) => [deviceId, key]),
      [['press-8', second]],
    );
  });

  it('are looked at again: what the operator has given or forgotten meanwhile holds, and who was dismissed stays known', () => {
    enrol(files, folder, { deviceId: 'press-8', labels: {}, key: first }, wallMs);
    const keyring = new RosterKeyring(files, folder);
    keyring.pin('press-7', first);
    keyring.save();
    assert.equal(keyring.refresh(), false);
    believeAgain(files, folder, 'press-7', undefined);
    believeAgain(files, folder, 'press-8', second);
    assert.equal(keyring.refresh(), true);
    assert.deepEqual([keyring.find('press-7'), keyring.find('press-8')], [undefined, second]);
    keyring.pin('press-7', second);
    keyring.save();
    assert.equal(keyOf('press-7'), second);
    dismiss(files, folder, 'press-8');
    keyring.refresh();
    assert.equal(keyring.find('press-8'), second);
  });

  it('touch no file where nothing was named', () => {
    const file = path.join(folder, 'roster.json');
    const keyring = new RosterKeyring(files, folder);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('\n', ' '));
    const before = readFileSync(file, 'utf8');
    keyring.save();
    assert.equal(readFileSync(file, 'utf8'), before);
  });

  it('are forgotten where the operator takes the next one, with everything else kept', () => {
    believeAgain(files, folder, 'press-7', first);
    assert.equal(keyOf('press-7'), first);
    const again = believeAgain(files, folder, 'press-7', undefined);
    assert.deepEqual(again, {
      deviceId: 'press-7',
      labels: { site: 'hall-2' },
      enrolledAt: '2026-01-31T12:00:00.000Z',
    });
    assert.equal(keyOf('press-7'), undefined);
    assert.throws(() => believeAgain(files, folder, 'press-9', first), { code: 'device-unknown' });
  });

  it('are refused in a roster where one is no key', () => {
    const file = path.join(folder, 'roster.json');
    believeAgain(files, folder, 'press-7', first);
    for (const key of ['', 'ab', first.toUpperCase(), `${first}00`]) {
      writeFileSync(file, readFileSync(file, 'utf8').replace(/"key": "[^"]*"/, `"key": "${key}"`));
      assert.throws(() => new RosterKeyring(files, folder), { code: 'roster-unreadable' }, key);
    }
  });
});
