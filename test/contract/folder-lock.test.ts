import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { tryFolderLock } from '../../operator/adapters/folder-lock.js';
import { MemoryLocks } from '../../simulator/ports/memory-locks.js';
import { describeFolderLock } from './folder-lock.contract.js';

if (process.platform === 'linux') {
  describeFolderLock('the system', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-lock-'));
    return {
      tryLock: tryFolderLock,
      folder,
      dispose: () => {
        rmSync(folder, { recursive: true });
      },
    };
  });
}

describeFolderLock('memory', () => {
  const { tryLock } = new MemoryLocks().createProcess();
  return { tryLock, folder: 'keys', dispose: () => undefined };
});

describe('Locks in memory', () => {
  it('end with their process, which leaves nothing of its successor’s', async () => {
    const locks = new MemoryLocks();
    const [first, second] = [locks.createProcess(), locks.createProcess()];
    const leave = await first.tryLock('keys');
    assert.equal(await second.tryLock('keys'), undefined);
    first.end();
    assert.ok(await second.tryLock('keys'));
    await leave?.();
    first.end();
    assert.equal(await first.tryLock('keys'), undefined);
  });
});
