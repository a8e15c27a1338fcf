import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';
import { createMemoryTree, MemoryFiles } from '../../simulator/ports/memory-files.js';
import { ProcessLife, StruckError, type WriteFault } from '../../simulator/ports/process-life.js';
import { describeFiles } from './files.contract.js';

const makeFolder = (): string => mkdtempSync(path.join(tmpdir(), 'tinylamp-files-'));

describeFiles('the disk of this machine', () => {
  const folder = makeFolder();
  return {
    files: createDiskFiles(),
    folder,
    dispose: () => {
      rmSync(folder, { recursive: true });
    },
  };
});

describeFiles('a tree in memory', () => {
  const files = new MemoryFiles();
  files.makeFolder('keys');
  return { files, folder: 'keys', dispose: () => undefined };
});

describe('Files on the disk of this machine', () => {
  let folder = '';
  const files = createDiskFiles();
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('have the mode that is asked for, and folders are their owner’s alone', () => {
    const at = (name: string): string => path.join(folder, name);
    files.makeFolder(at('b'));
    files.writeNew(at('new'), 'x', { mode: 0o600 });
    files.writeDurably(at('durable'), 'x', { mode: 0o600 });
    const modeOf = (name: string): number => statSync(at(name)).mode & 0o777;
    assert.deepEqual(['b', 'new', 'durable'].map(modeOf), [0o700, 0o600, 0o600]);
  });

  it('are not listed by what a write that was cut off has left, and the next write takes its place', () => {
    writeFileSync(path.join(folder, 'a.new+'), 'hal');
    assert.deepEqual(files.list(folder), []);
    files.writeDurably(path.join(folder, 'a'), 'whole');
    assert.deepEqual(readdirSync(folder), ['a']);
  });
});

describe('A life of a process with files in memory', () => {
  /** Two folders and three files, over one of them twice. */
  const work = (files: MemoryFiles): void => {
    files.makeFolder('keys');
    files.makeFolder('keys');
    files.writeNew('keys/a', '1');
    files.writeDurably('keys/b', '2');
    files.remove('keys/missing');
    files.writeDurably('keys/b', '3');
    files.remove('keys/a');
  };
  const stories: readonly (readonly [WriteFault, number, readonly string[], string])[] = [
    ['killed-before', 2, [], ''],
    ['killed-after', 2, ['a'], ''],
    ['killed-before', 4, ['a', 'b'], '2'],
    ['killed-after', 4, ['a', 'b'], '3'],
    ['killed-before', 5, ['a', 'b'], '3'],
    ['killed-after', 5, ['b'], '3'],
  ];

  it('counts what changes something', () => {
    const life = new ProcessLife();
    work(new MemoryFiles(createMemoryTree(), life));
    assert.equal(life.writes, 5);
  });

  for (const [fault, write, names, b] of stories) {
    it(`leaves what was there, ${fault.replace('-', ' ')} write ${write}, and does nothing any more`, () => {
      const tree = createMemoryTree();
      const files = new MemoryFiles(tree, new ProcessLife({ write, fault }));
      assert.throws(() => {
        work(files);
      }, StruckError);
      const next = new MemoryFiles(tree);
      const isAsLeft = (): void => {
        assert.deepEqual(next.list('keys'), names);
        assert.equal(new TextDecoder().decode(next.read('keys/b')), b);
      };
      isAsLeft();
      for (const each of [
        () => files.read('keys/b'),
        () => files.exists('keys'),
        () => files.list('keys'),
        () => {
          files.writeDurably('keys/b', 'late');
        },
        () => {
          files.writeNew('keys/c', 'late');
        },
        () => {
          files.remove('keys/b');
        },
        () => {
          files.makeFolder('keys/late');
        },
      ]) {
        assert.throws(each, StruckError);
      }
      isAsLeft();
    });
  }

  it('goes on after a write that was refused', () => {
    const tree = createMemoryTree();
    const files = new MemoryFiles(tree, new ProcessLife({ write: 1, fault: 'refused' }));
    assert.throws(() => {
      files.makeFolder('keys');
    }, StruckError);
    assert.equal(files.exists('keys'), false);
    work(files);
    assert.deepEqual(files.list('keys'), ['b']);
  });
});
