import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { PosixDisk } from '../../simulator/ports/posix-disk.js';
import { emptyImage, type DiskImage, type Fate } from '../../simulator/ports/posix-tree.js';

const create = constants.O_RDWR | constants.O_CREAT;

describe('The disk that a power cut can be tried on', () => {
  const write = async (disk: PosixDisk, file: string, bytes: readonly number[], at = 0) => {
    const handle = await disk.fileSystem.open(file, create, 0o600);
    await handle.write(Uint8Array.from(bytes), 0, bytes.length, at);
    return handle;
  };
  const syncFolder = async (disk: PosixDisk, folder: string): Promise<void> =>
    (await disk.fileSystem.open(folder, constants.O_RDONLY)).sync();
  const leftOf = (disk: PosixDisk, fate: Fate): DiskImage =>
    disk.cutAfter(
      disk.steps,
      disk.pendingAfter(disk.steps).map(() => fate),
    );
  const filesOf = ({ files }: DiskImage): Record<string, readonly number[]> =>
    Object.fromEntries([...files].map(([file, bytes]) => [file, [...bytes]]));

  it('shows at once what was written, and loses it where nothing was synced', async () => {
    const disk = new PosixDisk();
    await write(disk, '/a', [1, 2]);
    assert.deepEqual(filesOf(disk.image), { '/a': [1, 2] });
    assert.deepEqual(filesOf(leftOf(disk, 'lost')), {});
    assert.deepEqual(filesOf(leftOf(disk, 'kept')), { '/a': [1, 2] });
  });

  it('loses a file that was synced where its folder was not, and its bytes where only the folder was', async () => {
    const disk = new PosixDisk();
    await (await write(disk, '/a', [1])).sync();
    assert.deepEqual(filesOf(leftOf(disk, 'lost')), {});
    await write(disk, '/b', [2]);
    await syncFolder(disk, '/');
    assert.deepEqual(filesOf(leftOf(disk, 'lost')), { '/a': [1], '/b': [] });
  });

  it('loses all that is in a folder whose own name was not synced', async () => {
    const disk = new PosixDisk();
    await disk.fileSystem.mkdir('/f', { recursive: true, mode: 0o700 });
    await (await write(disk, '/f/a', [1])).sync();
    await syncFolder(disk, '/f');
    assert.deepEqual(leftOf(disk, 'lost'), emptyImage);
    await syncFolder(disk, '/');
    assert.deepEqual(filesOf(leftOf(disk, 'lost')), { '/f/a': [1] });
  });

  it('keeps each half of a rename alone', async () => {
    const start = { files: new Map([['/a', Uint8Array.of(1)]]), folders: new Set<string>() };
    const disk = new PosixDisk(start);
    await disk.fileSystem.rename('/a', '/b');
    const states = [
      ['lost', 'lost'],
      ['kept', 'lost'],
      ['lost', 'kept'],
      ['kept', 'kept'],
    ] as const;
    assert.deepEqual(
      states.map((fates) => Object.keys(filesOf(disk.cutAfter(disk.steps, fates)))),
      [['/a'], ['/a', '/b'], [], ['/b']],
    );
  });

  it('tears a write after any byte, and keeps any of its sectors', async () => {
    const start = {
      files: new Map([['/a', new Uint8Array(1024).fill(1)]]),
      folders: new Set<string>(),
    };
    const disk = new PosixDisk(start);
    await write(disk, '/a', Array<number>(1536).fill(2), 256);
    const torn = (fate: Fate): readonly number[] => {
      const bytes = leftOf(disk, fate).files.get('/a') ?? new Uint8Array();
      return [bytes.length, bytes.indexOf(2), bytes.lastIndexOf(2), bytes.indexOf(0)];
    };
    assert.deepEqual(torn({ prefix: 10 }), [1024, 256, 265, -1]);
    assert.deepEqual(torn({ sectors: (sector) => sector === 1 }), [1792, 512, 1023, 1024]);
    assert.deepEqual(torn('sized'), [1792, -1, -1, 1024]);
  });

  it('goes back to any step of its journal', async () => {
    const disk = new PosixDisk();
    const handle = await write(disk, '/a', [1]);
    await handle.write(Uint8Array.of(2), 0, 1, 0);
    assert.deepEqual(filesOf(disk.cutAfter(2, ['kept', 'kept'])), { '/a': [1] });
    assert.deepEqual(filesOf(disk.cutAfter(3, ['kept', 'lost', 'kept'])), { '/a': [2] });
    assert.equal(disk.describe(3), 'write /a 0+1');
  });
});
