import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Result } from '../../protocol/result.js';
import type { Storage } from '../../agent/ports/storage.js';

/** A storage that holds nothing yet. */
export interface StorageWorld {
  readonly storage: Storage;
  dispose(): Promise<void>;
}

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

/** What every storage port promises (`agent/ports/storage.ts`). Power loss is a matter of `test/simulation`. */
export function describeStorage(
  name: string,
  createWorld: (storageBytes: number) => Promise<StorageWorld>,
): void {
  describe(`The storage port: ${name}`, () => {
    let world: StorageWorld;
    let storage: Storage;
    const storageBytes = 1_000_000;
    beforeEach(async () => {
      world = await createWorld(storageBytes);
      ({ storage } = world);
    });
    afterEach(() => world.dispose());

    const read = async (file: string): Promise<Uint8Array | undefined> =>
      valueOf(await storage.read(file, 1e6));

    it('has nothing where nothing was written', async () => {
      assert.equal(await read('images/a'), undefined);
      assert.deepEqual(valueOf(await storage.list('images')), []);
    });

    it('gives back what was written, and replaces it as a whole', async () => {
      for (const content of ['first', 'the second, which is longer', '', '4']) {
        assert.ok((await storage.write('state/a', text(content))).ok);
        assert.deepEqual(await read('state/a'), text(content));
      }
    });

    it('gives bytes that are the caller’s own', async () => {
      await storage.write('state/a', text('kept'));
      (await read('state/a'))?.fill(0);
      assert.deepEqual(await read('state/a'), text('kept'));
    });

    it('refuses to read more than the limit', async () => {
      await storage.write('images/a', new Uint8Array(100));
      assert.ok((await storage.read('images/a', 100)).ok);
      assert.equal(codeOf(await storage.read('images/a', 99)), 'file-too-large');
    });

    it('writes at an offset, fills gaps with zeros, and leaves the rest', async () => {
      await storage.writeAt('partial/a', 4, text('five'));
      assert.deepEqual(await read('partial/a'), Uint8Array.of(0, 0, 0, 0, ...text('five')));
      await storage.writeAt('partial/a', 2, text('3-4'));
      await storage.writeAt('partial/a', 10, text('end'));
      assert.deepEqual(
        await read('partial/a'),
        Uint8Array.of(0, 0, ...text('3-4ive'), 0, 0, ...text('end')),
      );
    });

    it('moves a file over another', async () => {
      await storage.writeAt('partial/a', 0, text('new'));
      await storage.write('images/b', text('old'));
      assert.ok((await storage.move('partial/a', 'images/b')).ok);
      assert.deepEqual(await read('images/b'), text('new'));
      assert.equal(await read('partial/a'), undefined);
    });

    it('cannot move what is not there, and leaves the target', async () => {
      await storage.write('images/b', text('old'));
      assert.equal(codeOf(await storage.move('partial/a', 'images/b')), 'storage-failed');
      assert.deepEqual(await read('images/b'), text('old'));
    });

    it('removes a file, and does not mind if it is gone', async () => {
      await storage.write('images/a', text('a'));
      for (let i = 0; i < 2; i++) assert.ok((await storage.remove('images/a')).ok);
      assert.equal(await read('images/a'), undefined);
    });

    it('lists the files of one folder with their sizes', async () => {
      await storage.write('images/a', text('a'));
      await storage.write('images/b.c', text('bcd'));
      await storage.write('manifests/a', text('elsewhere'));
      const files = valueOf(await storage.list('images')).toSorted((a, b) => a.bytes - b.bytes);
      assert.deepEqual(files, [
        { name: 'images/a', bytes: 1 },
        { name: 'images/b.c', bytes: 3 },
      ]);
    });

    it('carries operations out in the order of their calls', async () => {
      const results = await Promise.all([
        storage.write('images/a', text('1')),
        storage.read('images/a', 10),
        storage.writeAt('images/a', 1, text('2')),
        storage.read('images/a', 10),
        storage.move('images/a', 'images/b'),
        storage.read('images/a', 10),
        storage.remove('images/b'),
        storage.read('images/b', 10),
      ]);
      const [, afterWrite, , afterWriteAt, , afterMove, , afterRemove] = results.map((result) =>
        valueOf<unknown>(result),
      );
      assert.deepEqual(
        [afterWrite, afterWriteAt, afterMove, afterRemove],
        [text('1'), text('12'), undefined, undefined],
      );
    });

    it('says how much room is left, and refuses more than that without a trace', async () => {
      const before = valueOf(await storage.freeBytes());
      assert.ok(before > 0 && before <= storageBytes);
      await storage.write('images/a', new Uint8Array(10_000));
      const after = valueOf(await storage.freeBytes());
      assert.equal(after, before - 10_000);
      assert.equal(
        codeOf(await storage.write('images/b', new Uint8Array(after + 1))),
        'storage-full',
      );
      assert.equal(
        codeOf(await storage.writeAt('partial/b', 0, new Uint8Array(after + 1))),
        'storage-full',
      );
      assert.equal(await read('images/b'), undefined);
      assert.equal(await read('partial/b'), undefined);
      assert.ok((await storage.write('images/b', new Uint8Array(after))).ok);
    });

    it('keeps room for the state record on a disk that is full of images', async () => {
      await storage.write('images/a', new Uint8Array(valueOf(await storage.freeBytes())));
      assert.equal(valueOf(await storage.freeBytes()), 0);
      for (const copy of ['state/a', 'state/b']) {
        assert.ok((await storage.write(copy, new Uint8Array(10_000))).ok);
      }
    });

    it('throws for names that are none: they are never made from what came from outside', async () => {
      const names = [
        '',
        'a',
        '/etc/passwd',
        '../a',
        'images/',
        'images/../a',
        'images/.a',
        'images/a/b',
        'Images/a',
        'images/ä',
        `images/${'a'.repeat(161)}`,
      ];
      for (const file of names) {
        await assert.rejects(async () => storage.read(file, 1), file);
        await assert.rejects(async () => storage.write(file, new Uint8Array()), file);
        await assert.rejects(async () => storage.remove(file), file);
      }
    });

    it('does what a map of names to bytes would do, whatever the order of operations', async () => {
      const file = fc.constantFrom('images/a', 'images/b', 'partial/a');
      const bytes = fc.uint8Array({ maxLength: 8 });
      const operation = fc.oneof(
        fc.record({ kind: fc.constant('write' as const), file, bytes }),
        fc.record({ kind: fc.constant('writeAt' as const), file, bytes, offset: fc.nat(6) }),
        fc.record({ kind: fc.constant('move' as const), file, to: file }),
        fc.record({ kind: fc.constant('remove' as const), file }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 8 }), async (operations) => {
          const model = new Map<string, Uint8Array>();
          for (const each of ['images/a', 'images/b', 'partial/a']) await storage.remove(each);
          for (const each of operations) {
            const held = model.get(each.file);
            switch (each.kind) {
              case 'write':
                await storage.write(each.file, each.bytes);
                model.set(each.file, each.bytes);
                break;
              case 'writeAt': {
                await storage.writeAt(each.file, each.offset, each.bytes);
                const end = each.bytes.length === 0 ? 0 : each.offset + each.bytes.length;
                const after = new Uint8Array(Math.max(held?.length ?? 0, end));
                after.set(held ?? []);
                after.set(each.bytes, each.bytes.length === 0 ? 0 : each.offset);
                model.set(each.file, after);
                break;
              }
              case 'move':
                await storage.move(each.file, each.to);
                if (held === undefined) break;
                model.delete(each.file);
                model.set(each.to, held);
                break;
              case 'remove':
                await storage.remove(each.file);
                model.delete(each.file);
                break;
            }
          }
          for (const each of ['images/a', 'images/b', 'partial/a'])
            assert.deepEqual(await read(each), model.get(each));
        }),
        { numRuns: 40 },
      );
    });
  });
}

export function valueOf<T>(result: Result<T>): T {
  if (!result.ok) assert.fail(`${result.rejection.code}: ${result.rejection.detail}`);
  return result.value;
}

export function codeOf(result: Result<unknown>): string | undefined {
  return result.ok ? undefined : result.rejection.code;
}
