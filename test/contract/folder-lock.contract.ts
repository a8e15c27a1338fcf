import assert from 'node:assert/strict';
import path from 'node:path';
import type { TryLock } from '../../operator/ports/folder-lock.js';

/** Locks, and a folder that nobody has. */
export interface LockWorld {
  readonly tryLock: TryLock;
  readonly folder: string;
  dispose(): void;
}

/** What every port of locks promises (`operator/ports/folder-lock.ts`). */
export function describeFolderLock(name: string, createWorld: () => LockWorld): void {
  describe(`The port of folder locks: ${name}`, () => {
    let world: LockWorld;
    beforeEach(() => {
      world = createWorld();
    });
    afterEach(() => {
      world.dispose();
    });

    it('gives a folder to one at a time, under any of its names', async () => {
      const { tryLock, folder } = world;
      const leave = await tryLock(folder);
      assert.ok(leave);
      assert.equal(await tryLock(folder), undefined);
      assert.equal(await tryLock(path.join(folder, 'inner', '..')), undefined);
      await leave();
      const again = await tryLock(folder);
      assert.ok(again);
      await again();
    });

    it('gives other folders meanwhile', async () => {
      const { tryLock, folder } = world;
      const leaves = await Promise.all([tryLock(folder), tryLock(path.join(folder, 'inner'))]);
      for (const leave of leaves) {
        assert.ok(leave);
        await leave();
      }
    });

    it('leaves a folder once, and takes it from nobody later', async () => {
      const { tryLock, folder } = world;
      const leave = await tryLock(folder);
      await leave?.();
      const next = await tryLock(folder);
      await leave?.();
      assert.equal(await tryLock(folder), undefined);
      await next?.();
    });
  });
}
