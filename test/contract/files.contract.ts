import assert from 'node:assert/strict';
import path from 'node:path';
import type { Files } from '../../operator/ports/files.js';

/** Files with a folder in which there is nothing yet. */
export interface FilesWorld {
  readonly files: Files;
  readonly folder: string;
  dispose(): void;
}

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

/** What every port of an operator's files promises (`operator/ports/files.ts`). */
export function describeFiles(name: string, createWorld: () => FilesWorld): void {
  describe(`The files port: ${name}`, () => {
    let world: FilesWorld;
    let files: Files;
    beforeEach(() => {
      world = createWorld();
      ({ files } = world);
    });
    afterEach(() => {
      world.dispose();
    });

    const at = (...names: readonly string[]): string => path.join(world.folder, ...names);
    const code = (wanted: string) => ({ code: wanted });

    it('has nothing where nothing was written', () => {
      assert.equal(files.read(at('a')), undefined);
      assert.equal(files.read(at('missing', 'a')), undefined);
      assert.equal(files.exists(at('a')), false);
      assert.deepEqual(files.list(at('missing')), []);
      assert.deepEqual(files.list(world.folder), []);
    });

    it('gives back what was written, bytes and text, and replaces it as a whole', () => {
      for (const content of ['first', 'the second, which is longer', '', 'ä']) {
        files.writeDurably(at('a'), content);
        assert.deepEqual(files.read(at('a')), text(content));
        files.writeDurably(at('a'), text(content));
        assert.deepEqual(files.read(at('a')), text(content));
      }
      assert.equal(files.exists(at('a')), true);
    });

    it('gives bytes that are the caller’s own, and keeps none of the caller’s', () => {
      const content = text('kept');
      files.writeDurably(at('a'), content);
      content.fill(0);
      files.read(at('a'))?.fill(0);
      assert.deepEqual(files.read(at('a')), text('kept'));
    });

    it('writes a new file, and refuses to where there is one or a folder', () => {
      files.writeNew(at('a'), 'first');
      assert.throws(() => {
        files.writeNew(at('a'), 'second');
      }, code('EEXIST'));
      assert.deepEqual(files.read(at('a')), text('first'));
      files.makeFolder(at('b'));
      assert.throws(() => {
        files.writeNew(at('b'), 'second');
      });
      assert.deepEqual(files.list(at('b')), []);
    });

    it('makes a folder with those above it, once or again', () => {
      files.makeFolder(at('b', 'c', 'd'));
      files.writeDurably(at('b', 'c', 'd', 'a'), 'kept');
      files.makeFolder(at('b', 'c', 'd'));
      assert.equal(files.exists(at('b', 'c')), true);
      assert.deepEqual(files.read(at('b', 'c', 'd', 'a')), text('kept'));
    });

    it('writes nothing where the folder is missing', () => {
      assert.throws(() => {
        files.writeDurably(at('missing', 'a'), 'x');
      }, code('ENOENT'));
      assert.throws(() => {
        files.writeNew(at('missing', 'a'), 'x');
      }, code('ENOENT'));
      assert.equal(files.exists(at('missing')), false);
    });

    it('lists names in order, of this folder alone', () => {
      files.makeFolder(at('b', 'inner'));
      for (const each of ['b', '10', 'a', '9', 'a+b', 'Z']) files.writeDurably(at('b', each), each);
      files.writeDurably(at('b', 'inner', 'c'), 'c');
      files.writeDurably(at('bc'), 'other');
      assert.deepEqual(files.list(at('b')), ['10', '9', 'Z', 'a', 'a+b', 'b', 'inner']);
    });

    it('removes a file, and does nothing where there is none', () => {
      files.writeDurably(at('a'), 'x');
      files.remove(at('a'));
      assert.equal(files.read(at('a')), undefined);
      files.remove(at('a'));
      files.remove(at('missing', 'a'));
      assert.deepEqual(files.list(world.folder), []);
    });

    it('takes no file for a folder and no folder for a file', () => {
      files.makeFolder(at('folder'));
      files.writeDurably(at('file'), 'kept');
      const wrong: readonly (() => unknown)[] = [
        () => files.read(at('folder')),
        () => files.read(at('file', 'a')),
        () => files.list(at('file')),
        () => {
          files.writeDurably(at('folder'), 'x');
        },
        () => {
          files.writeDurably(at('file', 'a'), 'x');
        },
        () => {
          files.remove(at('folder'));
        },
        () => {
          files.makeFolder(at('file'));
        },
      ];
      for (const each of wrong) assert.throws(each, each.toString());
      assert.equal(files.exists(at('file', 'a')), false);
      assert.deepEqual(files.list(world.folder), ['file', 'folder']);
      assert.deepEqual(files.read(at('file')), text('kept'));
    });
  });
}
