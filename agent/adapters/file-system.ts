import { promises } from 'node:fs';

/**
 * What the storage asks of the operating system, with the meaning of POSIX and the errors of Node (`code` is
 * `ENOENT`, `EEXIST`, …). It is a port of the adapter, so that the order of its calls can be tried on a disk that
 * loses whatever was not synced (`simulator/ports/posix-disk.ts`).
 */
export interface FileSystem {
  open(file: string, flags: number, mode?: number): PromiseLike<OpenFile>;
  /** Makes a folder and the folders above it; the first one that was made, or undefined where all were there. */
  mkdir(
    folder: string,
    options: { recursive: true; mode: number },
  ): PromiseLike<string | undefined>;
  readdir(folder: string): PromiseLike<string[]>;
  rename(from: string, to: string): PromiseLike<void>;
  unlink(file: string): PromiseLike<void>;
  /** What a name is, without following a link. */
  lstat(
    file: string,
  ): PromiseLike<{ readonly size: number; isDirectory(): boolean; isFile(): boolean }>;
  statfs(folder: string): PromiseLike<{ readonly bavail: number; readonly bsize: number }>;
}

/** An open file or folder. */
export interface OpenFile {
  stat(): PromiseLike<{ readonly size: number }>;
  readFile(): PromiseLike<Uint8Array>;
  /** Writes some of `length` bytes from `offset` in `bytes` at a position of the file; says how many. */
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): PromiseLike<{ readonly bytesWritten: number }>;
  /** Makes durable what the file holds; of a folder, which names it has (fsync). */
  sync(): PromiseLike<void>;
  close(): PromiseLike<void>;
}

/** The file system of this machine. */
export const systemFiles: FileSystem = promises;

/** The code that the system gives an error, such as `ENOENT`; undefined where it is none of the system. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
