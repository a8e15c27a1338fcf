import { constants, fstatSync, openSync, write } from 'node:fs';
import { Socket } from 'node:net';
import type { LogSink } from './line-queue.js';

const standardError = 2;

/**
 * Standard error as a place that never makes anybody wait. A write that waits for its reader would hold the
 * inference, or, in a thread of Node's pool, the end of the process. So a pipe or a socket is made
 * non-blocking, and a terminal is opened once more, non-blocking for us alone. A file on a disk is written by a
 * thread of the pool.
 */
export function createStandardErrorSink(): LogSink {
  const descriptor = openWithoutWaiting();
  return (bytes, done) => {
    write(descriptor, bytes, 0, bytes.length, null, (error, taken) => {
      done(error, taken);
    });
  };
}

function openWithoutWaiting(): number {
  try {
    const found = fstatSync(standardError);
    if (found.isFIFO() || found.isSocket()) makeNonBlocking(standardError);
    if (!found.isCharacterDevice()) return standardError;
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
    return openSync('/proc/self/fd/2', O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    // There may be no standard error, no /proc, or no right to open it again: then it is as it is.
    return standardError;
  }
}

/**
 * Node has no call for O_NONBLOCK; opening a stream on a descriptor sets it (libuv, `uv_pipe_open`). Nothing is
 * read or written through this stream, so that no error ever closes the descriptor.
 */
function makeNonBlocking(descriptor: number): void {
  const stream = new Socket({ fd: descriptor, readable: false, writable: true });
  stream.unref();
}
