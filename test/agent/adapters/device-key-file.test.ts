import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openDeviceKey } from '../../../agent/adapters/device-key-file.js';
import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import { CodedError } from '../../../protocol/coded-error.js';

describe('The key of a device', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-key-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const file = (): string => path.join(folder, 'device-key.pem');

  it('is made at the first start, for its owner alone, and is the same at the next', () => {
    const first = openDeviceKey(folder);
    assert.equal(statSync(file()).mode & 0o777, 0o600);
    const second = openDeviceKey(folder);
    assert.deepEqual(second.publicKey, first.publicKey);
    assert.deepEqual(second.kid, first.kid);
    const message = new Uint8Array([1, 2, 3]);
    const crypto = createNodeCrypto();
    assert.ok(crypto.verifyEd25519(first.publicKey, message, second.sign(message)));
  });

  for (const [what, damage] of [
    ['is cut', (pem: string) => pem.slice(0, 60)],
    ['is empty', () => ''],
    [
      'holds a key of another kind',
      () => '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
    ],
  ] as const) {
    it(`whose file ${what} is refused, and the file left as it is`, () => {
      openDeviceKey(folder);
      const damaged = damage(readFileSync(file(), 'utf8'));
      writeFileSync(file(), damaged);
      assert.throws(
        () => openDeviceKey(folder),
        (error) => error instanceof CodedError && error.code === 'device-key-unreadable',
      );
      assert.equal(readFileSync(file(), 'utf8'), damaged);
    });
  }

  it('whose file cannot be read is refused', function () {
    if (process.getuid?.() === 0) this.skip();
    openDeviceKey(folder);
    chmodSync(file(), 0);
    assert.throws(() => openDeviceKey(folder), CodedError);
  });
});
