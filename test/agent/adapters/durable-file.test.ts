import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeDurably } from '../../../agent/adapters/durable-file.js';
import { requires } from '../../helpers/requires.js';

describe('A durable write', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-durable-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('replaces a file as a whole and leaves nothing beside it', () => {
    const file = path.join(folder, 'roster.json');
    writeFileSync(file, 'old and long');
    writeDurably(file, 'new');
    assert.equal(readFileSync(file, 'utf8'), 'new');
    assert.ok(!existsSync(`${file}.new`));
  });

  it('gives a new file the mode that it is asked for', () => {
    const file = path.join(folder, 'secret');
    writeDurably(file, Uint8Array.of(1, 2), { mode: 0o600 });
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('leaves the old file where the new one cannot be written', () => {
    assert.throws(() => {
      writeDurably(path.join(folder, 'missing', 'file'), 'x');
    });
  });

  it('asks the system to sync the file, rename it, and sync its folder, in this order', function () {
    requires(this, 'strace');
    const module = new URL('../../../agent/adapters/durable-file.js', import.meta.url).href;
    const program = `const { writeDurably } = await import(${JSON.stringify(module)}); writeDurably(${JSON.stringify(path.join(folder, 'file'))}, 'x');`;
    const traced = spawnSync(
      'strace',
      [
        '-f',
        '-y',
        '-e',
        'trace=fsync,fdatasync,rename',
        process.execPath,
        '--input-type=module',
        '-e',
        program,
      ],
      { encoding: 'utf8' },
    );
    const calls = traced.stderr.split('\n').flatMap((line) => {
      const [, call, argument = ''] = /(fsync|fdatasync|rename)\((.*)/.exec(line) ?? [];
      if (call === undefined || !argument.includes(folder)) return [];
      return [call === 'rename' ? 'rename' : argument.includes('file.new>') ? 'file' : 'folder'];
    });
    assert.deepEqual(calls, ['file', 'rename', 'folder']);
  });
});
