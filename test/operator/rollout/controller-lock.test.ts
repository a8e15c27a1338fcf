import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { lockRollout, withoutRollout } from '../../../operator/rollout/controller-lock.js';
import { RolloutStore } from '../../../operator/rollout/rollout-store.js';
import type { RolloutStatus } from '../../../operator/rollout/rollout.js';
import { exampleRollout } from './example-rollout.js';
import { createDiskFiles } from '../../../operator/adapters/disk-files.js';
import { tryFolderLock } from '../../../operator/adapters/folder-lock.js';

const slot = 'vibration';

describe('what would supersede a rollout', () => {
  let folder = '';
  let store: RolloutStore;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-lock-'));
    store = new RolloutStore(createDiskFiles(), folder);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const publish = () =>
    withoutRollout(tryFolderLock, store, slot, () => Promise.resolve('published'));

  const rows: readonly (readonly [RolloutStatus | undefined, 'refused' | 'done'])[] = [
    [undefined, 'done'],
    ['running', 'refused'],
    ['paused', 'refused'],
    ['held', 'refused'],
    ['aborted', 'done'],
    ['promoted', 'done'],
  ];
  for (const [status, outcome] of rows) {
    it(`is ${outcome} where ${status === undefined ? 'there is none' : `it is ${status}`}`, async () => {
      if (status !== undefined) store.write(exampleRollout(1, { status }));
      if (outcome === 'refused') await assert.rejects(publish(), { code: 'rollout-exists' });
      else assert.equal(await publish(), 'published');
      // Whatever came of it, the slot is free again.
      await (
        await lockRollout(tryFolderLock, store, slot)
      )();
    });
  }

  it('is done in other slots at any time', async () => {
    store.write(exampleRollout(1, { slot: 'vision' }));
    assert.equal(await publish(), 'published');
  });

  it('is refused while another process decides about the slot, by what is known of it', async function () {
    if (process.platform !== 'linux') this.skip();
    const unlock = await lockRollout(tryFolderLock, store, slot);
    await assert.rejects(publish(), { code: 'rollout-running' });
    store.write(exampleRollout(1));
    await assert.rejects(publish(), { code: 'rollout-exists' });
    await unlock();
  });

  it('keeps a controller from beginning in the meantime', async function () {
    if (process.platform !== 'linux') this.skip();
    await withoutRollout(tryFolderLock, store, slot, () =>
      assert.rejects(lockRollout(tryFolderLock, store, slot), { code: 'rollout-running' }),
    );
  });
});
