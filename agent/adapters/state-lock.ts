import { createHash } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import process from 'node:process';
import { CodedError } from '../../protocol/coded-error.js';

/**
 * Makes sure that one process at a time uses a state directory, and gives the way to leave it. The lock is
 * a socket in Linux's abstract namespace, which the kernel takes back however the process ends; nothing
 * is left on disk. Other systems have no such thing, and there the owner must take care.
 *
 * Throws `state-dir-in-use`.
 */
export async function lockStateDir(folder: string): Promise<() => Promise<void>> {
  if (process.platform !== 'linux') return () => Promise.resolve();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = createHash('sha256')
    .update(await realpath(folder))
    .digest('hex');
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE';
      reject(
        inUse ? new CodedError('state-dir-in-use', `${folder} is used by another agent`) : error,
      );
    });
    server.listen(`\0tinylamp-${name}`, resolve);
  });
  server.unref();
  return () =>
    new Promise((resolve) =>
      server.close(() => {
        resolve();
      }),
    );
}
