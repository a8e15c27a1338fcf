import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { writeDurably } from '../agent/adapters/durable-file.js';
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
    writeDurably(file, bytes);
  } catch (error) {
    throw new CodedError('storage-failed', error instanceof Error ? error.message : String(error));
  }
}
