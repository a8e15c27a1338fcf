import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createFileCourses, type FileCourses } from '../../agent/adapters/file-courses.js';
import { openFileStorage } from '../../agent/adapters/file-storage.js';
import { drawFates } from '../../simulator/ports/drawn-fates.js';
import { PosixDisk } from '../../simulator/ports/posix-disk.js';
import { UnsyncedDisk } from '../../simulator/ports/unsynced-disk.js';
import { createUnsyncedStorage, stateFolder } from '../../simulator/ports/unsynced-storage.js';
import { Prng } from '../../simulator/prng.js';
import { VirtualTime } from '../../simulator/time/virtual-time.js';
import { storageOperation, type StorageOperation } from './storage-operations.js';
import { describeStorage } from './storage.contract.js';

const nothing = (): void => undefined;
const meter = { write: nothing, writeAt: nothing, move: nothing, remove: nothing };

describeStorage('files on the disk of a simulated device', (storageBytes) => {
  const time = new VirtualTime();
  const lane = time.createLane(0, true);
  let closed = false;
  const pass = async (): Promise<void> => {
    while (!closed) await time.settle();
  };
  void pass();
  const disk = new UnsyncedDisk();
  const storage = createUnsyncedStorage({
    disk,
    storageBytes,
    beforeOperation: () => 'go',
    meter,
    lane,
  });
  return Promise.resolve({
    storage,
    dispose: () => {
      closed = true;
      return Promise.resolve();
    },
  });
});

describe('The disk of a simulated device', () => {
  const options = { folder: stateFolder, storageBytes: 1e6 };
  const courseOf = (
    courses: FileCourses,
    each: StorageOperation,
  ): ReturnType<FileCourses['write']> => {
    switch (each.kind) {
      case 'write':
        return courses.write(each.name, each.bytes);
      case 'writeAt':
        return courses.writeAt(each.name, each.offset, each.bytes);
      case 'move':
        return courses.move(each.name, each.to);
      case 'remove':
        return courses.remove(each.name);
    }
  };

  it('is left by a power cut as POSIX allows, after each call that changes something', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(storageOperation, { maxLength: 6 }),
        fc.nat(),
        async (all, seed) => {
          const journal = new PosixDisk();
          const storage = await openFileStorage(options, journal.fileSystem);
          const opened = journal.steps;
          const ends: number[] = [];
          for (const each of all) {
            if (each.kind === 'write') await storage.write(each.name, each.bytes);
            else if (each.kind === 'writeAt')
              await storage.writeAt(each.name, each.offset, each.bytes);
            else if (each.kind === 'move') await storage.move(each.name, each.to);
            else await storage.remove(each.name);
            ends.push(journal.steps);
          }
          for (let steps = opened; steps <= journal.steps; steps++) {
            const disk = new UnsyncedDisk();
            const courses = createFileCourses(options, disk.fileSystem);
            disk.carryOut(courses.open());
            let before = opened;
            for (const [i, each] of all.entries()) {
              if (before > steps) break;
              disk.carryOut(courseOf(courses, each), steps - before);
              before = ends[i] ?? 0;
            }
            const pending = journal.pendingAfter(steps);
            const expected = journal.cutAfter(steps, drawFates(pending, Prng.fromSeed(seed)));
            disk.cutPower(Prng.fromSeed(seed));
            assert.deepEqual(disk.files, expected.files, `after step ${steps}`);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps what was synced, and holds nothing of files that are gone', () => {
    const disk = new UnsyncedDisk();
    const courses = createFileCourses(options, disk.fileSystem);
    disk.carryOut(courses.open());
    for (let i = 0; i < 200; i++) {
      disk.carryOut(courses.writeAt('partial/a', 0, Uint8Array.of(i)));
      disk.carryOut(courses.remove('partial/a'));
      disk.carryOut(courses.write('state/a', Uint8Array.of(i)));
    }
    assert.ok(disk.unsynced < 80, String(disk.unsynced));
    disk.cutPower(Prng.fromSeed(1));
    assert.deepEqual(disk.read(`${stateFolder}/state/a`), Uint8Array.of(199));
  });
});
