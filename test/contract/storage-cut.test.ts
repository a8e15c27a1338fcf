import assert from 'node:assert/strict';
import fc from 'fast-check';
import { openFileStorage } from '../../agent/adapters/file-storage.js';
import { PosixDisk } from '../../simulator/ports/posix-disk.js';
import { Prng } from '../../simulator/prng.js';
import { drawSomeFates, everyFate } from '../simulation/fates.js';
import { storageOperation, storedNames } from './storage-operations.js';
import { describeStorage } from './storage.contract.js';

describeStorage('files on a disk that loses what was not synced', async (storageBytes) => ({
  storage: await openFileStorage({ folder: '/state', storageBytes }, new PosixDisk().fileSystem),
  dispose: () => Promise.resolve(),
}));

/** What the port promises of a file at one moment: each of these contents, or undefined for none, may be left. */
type Promised = readonly (Uint8Array | undefined)[] | 'anything';

describe('The storage in a folder whose power fails', () => {
  it('has what it answered, and of an operation that it has not answered all or nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(storageOperation, { maxLength: 6 }),
        fc.nat(),
        async (all, seed) => {
          const disk = new PosixDisk();
          const options = { folder: '/lib/state', storageBytes: 1e6 };
          const storage = await openFileStorage(options, disk.fileSystem);
          /** What was promised from which step of the disk on. */
          const promises = [{ from: 0, promised: new Map<string, Promised>() }];
          let promised = new Map<string, Promised>(storedNames.map((each) => [each, [undefined]]));
          const promise = (): void => {
            promises.push({ from: disk.steps, promised });
            promised = new Map(promised);
          };
          promise();
          for (const each of all) {
            const seen = contentOn(disk, each.name);
            switch (each.kind) {
              case 'write':
                promised.set(each.name, either(promised.get(each.name), each.bytes));
                promise();
                await storage.write(each.name, each.bytes);
                promised.set(each.name, [each.bytes]);
                break;
              case 'writeAt':
                promised.set(each.name, 'anything');
                promise();
                await storage.writeAt(each.name, each.offset, each.bytes);
                break;
              case 'move':
                if (seen === undefined || each.to === each.name) break;
                promised.set(each.to, either(promised.get(each.to), seen));
                promised.set(each.name, 'anything');
                promise();
                await storage.move(each.name, each.to);
                promised.set(each.to, [seen]);
                promised.set(each.name, [undefined]);
                break;
              case 'remove':
                promised.set(each.name, either(promised.get(each.name), undefined));
                promise();
                await storage.remove(each.name);
                promised.set(each.name, [undefined]);
                break;
            }
            promise();
          }
          const prng = Prng.fromSeed(seed);
          for (let steps = 0; steps <= disk.steps; steps++) {
            const now = promises.findLast(({ from }) => from <= steps)?.promised;
            const pending = disk.pendingAfter(steps);
            for (const fates of [...everyFate(pending, 32), ...drawSomeFates(pending, prng, 4)]) {
              const left = new PosixDisk(disk.cutAfter(steps, fates));
              await openFileStorage(options, left.fileSystem);
              for (const file of storedNames) {
                const allowed = now?.get(file) ?? 'anything';
                if (allowed === 'anything') continue;
                const content = contentOn(left, file);
                const kept = allowed.some((each) => same(each, content));
                assert.ok(kept, `${file} after step ${steps}, ${disk.describe(steps)}`);
              }
            }
          }
        },
      ),
      { numRuns: 120 },
    );
  });
});

function contentOn(disk: PosixDisk, name: string): Uint8Array | undefined {
  return disk.image.files.get(`/lib/state/${name}`);
}

function either(before: Promised | undefined, after: Uint8Array | undefined): Promised {
  return before === undefined || before === 'anything' ? 'anything' : [...before, after];
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}
