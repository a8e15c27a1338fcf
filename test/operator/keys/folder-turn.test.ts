import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createCronScheduler } from '../../../agent/adapters/cron-scheduler.js';
import type { Scheduler } from '../../../agent/ports/scheduler.js';
import { takeTurns } from '../../../operator/keys/folder-turn.js';
import { tryFolderLock } from '../../../operator/adapters/folder-lock.js';

describe('turns in a key folder', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-turn-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const turns = () => takeTurns(tryFolderLock, folder, createCronScheduler());

  it('come one after the other, and give what comes of them', async () => {
    let within = 0;
    const work = async (i: number): Promise<number> => {
      within++;
      assert.equal(within, 1);
      // Long enough for the others to look, several times.
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      within--;
      return i;
    };
    const all = [1, 2, 3, 4].map((i) => turns()(() => work(i)));
    assert.deepEqual(await Promise.all(all), [1, 2, 3, 4]);
  });

  it('end where the work fails', async () => {
    const failing = turns()(() => Promise.reject(new Error('no')));
    await assert.rejects(failing, /no/);
    assert.equal(await turns()(() => 'next'), 'next');
  });

  it('are not waited for without end', async function () {
    if (process.platform !== 'linux') this.skip();
    const leave = await tryFolderLock(folder);
    const waits: number[] = [];
    const impatient: Scheduler = {
      after: (delayMs, wake) => {
        waits.push(delayMs);
        setImmediate(wake);
        return () => undefined;
      },
      cron: () => () => undefined,
    };
    await assert.rejects(
      takeTurns(tryFolderLock, folder, impatient)(() => 'never'),
      { code: 'keys-busy' },
    );
    const waitedMs = waits.reduce((sum, ms) => sum + ms, 0);
    assert.ok(waitedMs >= 10_000 && waitedMs <= 60_000, `${waitedMs} ms`);
    await leave?.();
  });
});
