import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  dismiss,
  enrol,
  enrolAll,
  findEnrolled,
  readRoster,
} from '../../../operator/roster/roster.js';
import { createDiskFiles } from '../../../operator/adapters/disk-files.js';

const wallMs = Date.UTC(2026, 0, 31, 12);

describe('the roster', () => {
  const files = createDiskFiles();
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-roster-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('is empty where nobody was enrolled', () => {
    assert.deepEqual(readRoster(files, folder), { devices: [] });
  });

  it('remembers who was enrolled, by id, with labels and time', () => {
    enrol(files, folder, { deviceId: 'press-7', labels: { site: 'hall-2' } }, wallMs);
    enrol(files, folder, { deviceId: 'lathe-1', labels: {} }, wallMs + 1);
    assert.deepEqual(readRoster(files, folder).devices, [
      { deviceId: 'lathe-1', labels: {}, enrolledAt: '2026-01-31T12:00:00.001Z' },
      { deviceId: 'press-7', labels: { site: 'hall-2' }, enrolledAt: '2026-01-31T12:00:00.000Z' },
    ]);
    assert.equal(findEnrolled(files, folder, 'press-7').labels['site'], 'hall-2');
  });

  it('is written whole, and for its owner alone', () => {
    enrol(files, folder, { deviceId: 'press-7', labels: {} }, wallMs);
    assert.deepEqual(readdirSync(folder), ['roster.json']);
    assert.equal(statSync(path.join(folder, 'roster.json')).mode & 0o777, 0o600);
  });

  it('adds many at once, leaves who is there as it is, and adds none where a key differs', () => {
    const key = 'ab'.repeat(32);
    enrol(files, folder, { deviceId: 'press-7', labels: { site: 'hall-2' }, key }, wallMs);
    const two = [
      { deviceId: 'press-7', labels: {}, key },
      { deviceId: 'press-8', labels: { site: 'hall-3' }, key },
    ];
    assert.equal(enrolAll(files, folder, two, wallMs + 1), 1);
    assert.equal(enrolAll(files, folder, two, wallMs + 2), 0);
    assert.deepEqual(
      readRoster(files, folder).devices.map(({ deviceId, labels }) => [deviceId, labels]),
      [
        ['press-7', { site: 'hall-2' }],
        ['press-8', { site: 'hall-3' }],
      ],
    );
    const others = [
      { deviceId: 'press-9', labels: {} },
      { deviceId: 'press-7', labels: {}, key: 'cd'.repeat(32) },
    ];
    assert.throws(() => enrolAll(files, folder, others, wallMs), { code: 'device-enrolled' });
    assert.equal(readRoster(files, folder).devices.length, 2);
    assert.throws(() => enrolAll(files, folder, [{ deviceId: 'a/b', labels: {} }], wallMs), {
      code: 'topic-invalid',
    });
  });

  it('takes no device twice, and forgets only whom it is told to', () => {
    enrol(files, folder, { deviceId: 'press-7', labels: {} }, wallMs);
    const before = readFileSync(path.join(folder, 'roster.json'), 'utf8');
    assert.throws(() => enrol(files, folder, { deviceId: 'press-7', labels: { a: 'b' } }, wallMs), {
      code: 'device-enrolled',
    });
    assert.throws(() => dismiss(files, folder, 'press-8'), { code: 'device-unknown' });
    assert.equal(readFileSync(path.join(folder, 'roster.json'), 'utf8'), before);
    dismiss(files, folder, 'press-7');
    assert.deepEqual(readRoster(files, folder), { devices: [] });
    assert.throws(() => findEnrolled(files, folder, 'press-7'), { code: 'device-unknown' });
  });

  it('refuses what no topic and no table can hold', () => {
    for (const deviceId of ['', 'a/b', '+', '#', 'ä', 'x'.repeat(65)]) {
      assert.throws(() => enrol(files, folder, { deviceId, labels: {} }, wallMs), {
        code: 'topic-invalid',
      });
    }
    for (const [name, value] of [
      ['', 'x'],
      ['a b', 'x'],
      ['site', ''],
      ['site', 'hall\x1b[2J'],
      ['site', 'x'.repeat(65)],
    ] as const) {
      assert.throws(
        () => enrol(files, folder, { deviceId: 'd', labels: { [name]: value } }, wallMs),
        {
          code: 'label-malformed',
        },
      );
    }
    assert.deepEqual(readdirSync(folder), []);
  });

  const entry = { deviceId: 'a', labels: {}, enrolledAt: '2026-01-31T12:00:00.000Z' };
  for (const [what, text] of [
    ['no JSON', '{'],
    ['a list', '[]'],
    ['no devices', '{}'],
    ['a key too many', '{"devices": [], "device": []}'],
    ['a device without labels', JSON.stringify({ devices: [{ ...entry, labels: undefined }] })],
    ['an id that is none', JSON.stringify({ devices: [{ ...entry, deviceId: 'a/b' }] })],
    ['a label that is no text', JSON.stringify({ devices: [{ ...entry, labels: { a: 1 } }] })],
    ['a time that is none', JSON.stringify({ devices: [{ ...entry, enrolledAt: 'today' }] })],
    ['a device twice', JSON.stringify({ devices: [entry, entry] })],
  ] as const) {
    it(`refuses a file with ${what}, and leaves it as it is`, () => {
      writeFileSync(path.join(folder, 'roster.json'), text);
      assert.throws(() => readRoster(files, folder), { code: 'roster-unreadable' });
      assert.throws(() => enrol(files, folder, { deviceId: 'b', labels: {} }, wallMs), {
        code: 'roster-unreadable',
      });
      assert.equal(readFileSync(path.join(folder, 'roster.json'), 'utf8'), text);
    });
  }

  it('is not looked for in a folder that is not there', () => {
    assert.throws(() => readRoster(files, path.join(folder, 'elsewhere')), {
      code: 'roster-unreadable',
    });
  });
});
