import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  existsSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openFileStorage } from '../../agent/adapters/file-storage.js';
import type { Storage } from '../../agent/ports/storage.js';
import { createMemoryDisk, createMemoryStorage } from '../../simulator/ports/memory-storage.js';
import { codeOf, describeStorage, valueOf } from './storage.contract.js';

describeStorage('files in a folder', async (storageBytes) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-storage-'));
  return {
    storage: await openFileStorage({ folder, storageBytes }),
    dispose: () => {
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  };
});

describeStorage('a disk in memory', (storageBytes) =>
  Promise.resolve({
    storage: createMemoryStorage({ disk: createMemoryDisk(), storageBytes }),
    dispose: () => Promise.resolve(),
  }),
);

describe('The storage in a folder', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'tinylamp-storage-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  const open = (): ReturnType<typeof openFileStorage> =>
    openFileStorage({ folder: path.join(root, 'state'), storageBytes: 1e6 });

  it('finds again what an earlier process wrote', async () => {
    await (await open()).write('images/a', Uint8Array.of(1, 2));
    assert.deepEqual(valueOf(await (await open()).read('images/a', 10)), Uint8Array.of(1, 2));
  });

  it('is nobody else’s to read', async () => {
    const storage = await open();
    await storage.write('state/a', Uint8Array.of(1));
    await storage.writeAt('partial/a', 0, Uint8Array.of(1));
    const modeOf = (name: string): number => statSync(path.join(root, 'state', name)).mode & 0o777;
    assert.deepEqual(
      ['.', 'state', 'state/a', 'partial/a'].map(modeOf),
      [0o700, 0o700, 0o600, 0o600],
    );
  });

  it('clears away what was being written when the power failed, and never lists it', async () => {
    mkdirSync(path.join(root, 'state/images'), { recursive: true });
    const leftover = path.join(root, 'state/images/a.new');
    writeFileSync(leftover, 'half');
    const storage = await open();
    assert.ok(!existsSync(leftover));
    assert.deepEqual(valueOf(await storage.list('images')), []);
  });

  it('does not follow links out of its folder', async () => {
    const outside = path.join(root, 'outside');
    writeFileSync(outside, 'not ours');
    const storage = await open();
    mkdirSync(path.join(root, 'state/images'));
    const link = path.join(root, 'state/images/a');
    symlinkSync(outside, link);
    assert.equal(codeOf(await storage.read('images/a', 100)), 'file-misplaced');
    assert.equal(codeOf(await storage.move('images/a', 'images/b')), 'file-misplaced');
    assert.deepEqual(valueOf(await storage.list('images')), []);
    // What is written takes the place of the link.
    for (const write of [
      () => storage.write('images/a', Uint8Array.of(1)),
      () => storage.writeAt('images/a', 0, Uint8Array.of(1)),
      async () => {
        await storage.write('partial/a', Uint8Array.of(1));
        return storage.move('partial/a', 'images/a');
      },
    ]) {
      rmSync(link, { force: true });
      symlinkSync(outside, link);
      assert.ok((await write()).ok);
      assert.deepEqual(valueOf(await storage.read('images/a', 100)), Uint8Array.of(1));
      assert.equal(readFileSync(outside, 'utf8'), 'not ours');
    }
  });

  it('does not follow a link in the place of a folder either, and makes the folder anew when it writes', async () => {
    const outside = path.join(root, 'outside');
    mkdirSync(outside);
    writeFileSync(path.join(outside, 'a'), 'not ours');
    const storage = await open();
    const link = path.join(root, 'state/images');
    symlinkSync(outside, link);
    assert.equal(codeOf(await storage.read('images/a', 100)), 'file-misplaced');
    assert.deepEqual(valueOf(await storage.list('images')), []);
    assert.ok((await storage.remove('images/a')).ok);
    await storage.write('partial/b', Uint8Array.of(2));
    for (const write of [
      () => storage.write('images/b', Uint8Array.of(2)),
      () => storage.writeAt('images/b', 0, Uint8Array.of(2)),
      () => storage.move('partial/b', 'images/b'),
    ]) {
      rmSync(link, { recursive: true, force: true });
      symlinkSync(outside, link);
      assert.ok((await write()).ok);
      assert.deepEqual(valueOf(await storage.read('images/b', 100)), Uint8Array.of(2));
      assert.deepEqual(readdirSync(outside), ['a']);
      assert.equal(readFileSync(path.join(outside, 'a'), 'utf8'), 'not ours');
    }
  });

  it('may itself be a link', async () => {
    mkdirSync(path.join(root, 'elsewhere'));
    symlinkSync(path.join(root, 'elsewhere'), path.join(root, 'state'));
    assert.ok((await (await open()).write('images/a', Uint8Array.of(1))).ok);
    assert.deepEqual(readdirSync(path.join(root, 'elsewhere/images')), ['a']);
  });

  it('is made again where it was removed, whatever is written first', async () => {
    for (const write of [
      (storage: Storage) => storage.write('state/a', Uint8Array.of(1)),
      (storage: Storage) => storage.writeAt('partial/a', 0, Uint8Array.of(1)),
      (storage: Storage) => storage.freeBytes(),
    ]) {
      const storage = await open();
      await storage.write('images/a', Uint8Array.of(1));
      rmSync(path.join(root, 'state'), { recursive: true });
      assert.equal(valueOf(await storage.read('images/a', 1)), undefined);
      assert.deepEqual(valueOf(await storage.list('images')), []);
      assert.ok((await storage.remove('images/a')).ok);
      assert.ok((await write(storage)).ok);
      assert.ok(existsSync(path.join(root, 'state')));
    }
  });

  it('refuses a folder or a pipe in the place of a file, and waits for neither', async () => {
    const storage = await open();
    mkdirSync(path.join(root, 'state/images/a'), { recursive: true });
    execFileSync('mkfifo', [path.join(root, 'state/images/b')]);
    for (const name of ['images/a', 'images/b']) {
      assert.equal(codeOf(await storage.read(name, 100)), 'file-misplaced');
    }
    assert.deepEqual(valueOf(await storage.list('images')), []);
    assert.equal(codeOf(await storage.write('images/a', Uint8Array.of(1))), 'file-misplaced');
    assert.ok((await storage.write('images/b', Uint8Array.of(1))).ok);
  });

  it('says with a code what the system refuses', async () => {
    const storage = await open();
    writeFileSync(path.join(root, 'state/images'), 'a file where a folder belongs');
    assert.equal(codeOf(await storage.write('images/a', Uint8Array.of(1))), 'file-misplaced');
    assert.equal(codeOf(await storage.read('images/a', 1)), 'file-misplaced');
  });
});

describe('The disk in memory', () => {
  it('leaves no trace of an operation at which the power fails, or of a later one, and answers neither', async () => {
    const disk = createMemoryDisk();
    const operations: string[] = [];
    const storage = createMemoryStorage({
      disk,
      storageBytes: 1e6,
      beforeOperation: (number, what) => {
        operations.push(`${number} ${what}`);
        return number === 2 ? 'stop' : 'go';
      },
    });
    await storage.write('state/a', Uint8Array.of(1));
    const answered: string[] = [];
    void storage.write('state/a', Uint8Array.of(2)).then(() => answered.push('second'));
    void storage.read('state/a', 1).then(() => answered.push('third'));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(answered, []);
    assert.deepEqual(disk.files, new Map([['state/a', Uint8Array.of(1)]]));
    assert.deepEqual(operations, ['1 write state/a', '2 write state/a']);
  });

  it('refuses an operation that is to fail, and carries the next one out', async () => {
    let failing = true;
    const storage = createMemoryStorage({
      disk: createMemoryDisk(),
      storageBytes: 1e6,
      beforeOperation: () => (failing ? 'fail' : 'go'),
    });
    assert.equal(codeOf(await storage.write('state/a', Uint8Array.of(1))), 'storage-failed');
    failing = false;
    assert.equal(valueOf(await storage.read('state/a', 1)), undefined);
  });
});
