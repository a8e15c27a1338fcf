import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import { Trust } from '../../../agent/core/trust.js';
import { createKeyFolder, openKeyFolder } from '../../../operator/keys/key-folder.js';
import { importSigningKey, generateSigningKey } from '../../../agent/adapters/signing-key.js';
import { readKeyset } from '../../../operator/release/verify-release.js';
import { sampleWallMs } from '../../helpers/documents.js';
import { perform } from '../../helpers/perform.js';
import { createDiskFiles } from '../../../operator/adapters/disk-files.js';

describe('A key folder', () => {
  let root = '';
  let folder = '';
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'tinylamp-keys-'));
    folder = path.join(root, 'keys');
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  const files = createDiskFiles();
  const create = () => createKeyFolder(files, folder, generateSigningKey(), sampleWallMs);
  const fileOf = (name: string): string => path.join(folder, name);

  it('holds one key for all roles, and a keyset that a device believes', () => {
    const { key, keyset } = create();
    const trust = new Trust();
    assert.ok(perform(trust.open(keyset, sampleWallMs)).ok);
    const [only, ...others] = readKeyset(keyset).keys;
    assert.deepEqual(only?.publicKey, key.publicKey);
    assert.deepEqual(only.roles, ['root', 'manifest', 'policy', 'beacon']);
    assert.equal(others.length, 0);
  });

  it('is believed for ten years, and not longer', () => {
    const { keyset } = create();
    const years = 365 * 86_400_000;
    assert.ok(perform(new Trust().open(keyset, sampleWallMs + 9.9 * years)).ok);
    assert.ok(!perform(new Trust().open(keyset, sampleWallMs + 10.1 * years)).ok);
  });

  it('is opened as it was made', () => {
    const made = create();
    const opened = openKeyFolder(files, folder);
    assert.deepEqual(opened.keyset, made.keyset);
    assert.deepEqual(opened.key.kid, made.key.kid);
    const message = Uint8Array.of(1, 2, 3);
    assert.ok(
      createNodeCrypto().verifyEd25519(made.key.publicKey, message, opened.key.sign(message)),
    );
  });

  it('keeps its secret from other people', () => {
    create();
    assert.equal(statSync(fileOf('operator.key.pem')).mode & 0o077, 0);
    assert.equal(statSync(folder).mode & 0o077, 0);
  });

  it('is never made over another one', () => {
    create();
    const before = readFileSync(fileOf('operator.key.pem'));
    assert.throws(() => create(), { code: 'keys-exist' });
    assert.deepEqual(readFileSync(fileOf('operator.key.pem')), before);
  });

  it('is not made over a keyset whose key was put elsewhere', () => {
    create();
    const before = readFileSync(fileOf('keyset.cbor'));
    rmSync(fileOf('operator.key.pem'));
    assert.throws(() => create(), { code: 'keys-exist' });
    assert.deepEqual(readFileSync(fileOf('keyset.cbor')), before);
  });

  it('gives numbers that only rise, each row for itself, over openings', () => {
    create();
    assert.deepEqual(
      [1, 2, 3].map(() => openKeyFolder(files, folder).nextNumber('sequence', 'vibration')),
      [1, 2, 3],
    );
    const keys = openKeyFolder(files, folder);
    assert.equal(keys.nextNumber('sequence', 'vision'), 1);
    assert.equal(keys.nextNumber('policy', 'vibration'), 1);
    assert.equal(keys.lastNumber('beacon', 'all'), 0);
    assert.equal(keys.nextNumber('beacon', 'all'), 1);
    assert.equal(keys.lastNumber('beacon', 'all'), 1);
    assert.equal(keys.nextNumber('sequence', 'vibration'), 4);
  });

  it('jumps to a number that somebody else has used, and never below its own', () => {
    const keys = create();
    assert.equal(keys.nextNumber('policy', 'vibration', 40), 40);
    assert.equal(keys.nextNumber('policy', 'vibration', 7), 41);
  });

  it('gives no number twice where writing was interrupted', () => {
    const keys = create();
    assert.equal(keys.nextNumber('beacon', 'all'), 1);
    // A crash in the middle of writing leaves a half of the new file beside the old one.
    writeFileSync(fileOf('numbers.json.new+'), '{"beacon/al');
    assert.equal(openKeyFolder(files, folder).nextNumber('beacon', 'all'), 2);
    assert.ok(!existsSync(fileOf('numbers.json.new+')));
  });

  it('has written a number down before it gives it', () => {
    const number = create().nextNumber('sequence', 'vibration', 9);
    const written = JSON.parse(readFileSync(fileOf('numbers.json'), 'utf8')) as object;
    assert.deepEqual(written, { 'sequence/vibration': number });
  });

  it('refuses to begin again at one where its numbers are damaged', () => {
    const keys = create();
    for (const damage of [
      '',
      '[]',
      '{"beacon/all": -1}',
      '{"beacon/all": 1.5}',
      '{"beacon/all": "2"}',
      'null',
    ]) {
      writeFileSync(fileOf('numbers.json'), damage);
      assert.throws(() => keys.nextNumber('beacon', 'all'), { code: 'keys-unreadable' }, damage);
    }
  });

  it('cannot be opened where it is no key folder, and says which file is wrong', () => {
    assert.throws(() => openKeyFolder(files, folder), { code: 'keys-unreadable' });
    create();
    for (const name of ['operator.key.pem']) {
      chmodSync(fileOf(name), 0o600);
      writeFileSync(fileOf(name), 'no key');
      assert.throws(
        () => openKeyFolder(files, folder),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'keys-unreadable');
          assert.match(error.message, new RegExp(name));
          return true;
        },
      );
    }
  });
});

describe('A signing key', () => {
  it('is the same after a journey through its file', () => {
    const key = generateSigningKey();
    assert.deepEqual(importSigningKey(key.exportPem()).publicKey, key.publicKey);
  });

  it('is named by the thumbprint of its public half', () => {
    const [one, other] = [generateSigningKey(), generateSigningKey()];
    assert.equal(one.kid.length, 8);
    assert.notDeepEqual(one.kid, other.kid);
    assert.deepEqual(importSigningKey(one.exportPem()).kid, one.kid);
  });
});
