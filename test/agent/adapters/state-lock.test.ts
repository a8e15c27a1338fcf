import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { lockStateDir } from '../../../agent/adapters/state-lock.js';
import { CodedError } from '../../../protocol/coded-error.js';

describe('The lock of a state directory', () => {
  let root = '';
  before(function () {
    // The kernel takes it back however a process ends; other systems have no such lock.
    if (process.platform !== 'linux') this.skip();
    root = mkdtempSync(path.join(tmpdir(), 'tinylamp-lock-'));
  });
  after(() => {
    if (root !== '') rmSync(root, { recursive: true });
  });

  const isInUse = (error: unknown): boolean =>
    error instanceof CodedError && error.code === 'state-dir-in-use';

  it('is held by one at a time, by whatever name the directory goes, until it is given back', async () => {
    const folder = path.join(root, 'state');
    const unlock = await lockStateDir(folder);
    const link = path.join(root, 'link');
    symlinkSync(folder, link);
    await assert.rejects(lockStateDir(folder), isInUse);
    await assert.rejects(lockStateDir(link), isInUse);
    await unlock();
    const again = await lockStateDir(link);
    await again();
  });

  it('does not hinder the agent of another directory', async () => {
    const one = await lockStateDir(path.join(root, 'one'));
    const other = await lockStateDir(path.join(root, 'other'));
    await one();
    await other();
  });
});
