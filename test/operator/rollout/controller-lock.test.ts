import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { lockRollout, withoutRollout } from '../../../operator/rollout/controller-lock.js';
import { RolloutStore } from '../../../operator/rollout/rollout-store.js';
import type { RolloutStatus } from '../../../operator/rollout/rollout.js';
import { exampleRollout } from './example-rollout.js';

const slot = 'vibration';

describe('what would supersede a rollout', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-lock-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const publish = () => withoutRollout(folder, slot, () => Promise.resolve('published'));

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
      if (status !== undefined) new RolloutStore(folder).write(exampleRollout(1, { status }));
      if (outcome === 'refused') await assert.rejects(publish(), { code: 'rollout-exists' });
      else assert.equal(await publish(), 'published');
      // Whatever came of it, the slot is free again.
      await (
        await lockRollout(folder, slot)
      )();
    });
  }

  it('is done in other slots at any time', async () => {
    new RolloutStore(folder).write(exampleRollout(1, { slot: 'vision' }));
    assert.equal(await publish(), 'published');
  });

  it('is refused while another process decides about the slot, by what is known of it', async function () {
    if (process.platform !== 'linux') this.skip();
    const unlock = await lockRollout(folder, slot);
    await assert.rejects(publish(), { code: 'rollout-running' });
    new RolloutStore(folder).write(exampleRollout(1));
    await assert.rejects(publish(), { code: 'rollout-exists' });
    await unlock();
  });

  it('keeps a controller from beginning in the meantime', async function () {
    if (process.platform !== 'linux') this.skip();
    await withoutRollout(folder, slot, () =>
      assert.rejects(lockRollout(folder, slot), { code: 'rollout-running' }),
    );
  });
});
