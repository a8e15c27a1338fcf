import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CodedError } from '../protocol/coded-error.js';

/** Reads a file that the command line names. Throws `file-unreadable`. */
export function readNamedFile(file: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    throw new CodedError('file-unreadable', error instanceof Error ? error.message : String(error));
  }
}

/** Writes a file that the command line names, whole or not at all. */
export function writeNamedFile(file: string, bytes: Uint8Array): void {
  try {
    mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
    writeFileSync(`${file}.new`, bytes);
    renameSync(`${file}.new`, file);
  } catch (error) {
    throw new CodedError('storage-failed', error instanceof Error ? error.message : String(error));
  }
}
