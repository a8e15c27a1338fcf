import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeDurably, writeNewDurably } from '../../agent/adapters/durable-file.js';
import type { Files } from '../ports/files.js';

/** The end of the name of what is not whole yet. No file of an operator has a name that ends so. */
const unfinished = '.new+';

/** The files of this machine. */
export function createDiskFiles(): Files {
  return {
    read: (file) => unlessAbsent(() => new Uint8Array(readFileSync(file))),
    exists: (path) => existsSync(path),
    list: (folder) => {
      const names = unlessAbsent(() => readdirSync(folder)) ?? [];
      return names.filter((name) => !name.endsWith(unfinished)).sort();
    },
    writeDurably: (file, content, options = {}) => {
      writeDurably(file, content, { ...options, unfinished });
    },
    writeNew: writeNewDurably,
    remove: (file) => {
      rmSync(file, { force: true });
    },
    makeFolder: (folder) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    },
  };
}

function unlessAbsent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
