import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import path from 'node:path';

/** A pipe whose reader stands still when it is told to. */
export interface StillReader {
  /** The end for the process that writes. */
  readonly fd: number;
  /** From now on there is no room in the pipe. */
  standStill(): void;
  /** The reader has taken all that is in the pipe. */
  goOn(): void;
  close(): void;
}

/** A named pipe in a folder, with the room that the system gives it: 64 KiB on Linux (pipe(7)). */
export function openStillReader(folder: string): StillReader {
  const file = path.join(folder, 'log.pipe');
  const { status } = spawnSync('mkfifo', [file]);
  if (status !== 0) throw new Error('mkfifo failed');
  // Both ends in one, so that the writer never finds the pipe closed (fifo(7)); the writer's own may block.
  const fd = openSync(file, constants.O_RDWR);
  const here = openSync(file, constants.O_RDWR | constants.O_NONBLOCK);
  const chunk = Buffer.alloc(4096, '\n');
  return {
    fd,
    standStill() {
      whileThereIsRoom(() => writeSync(here, chunk));
      whileThereIsRoom(() => writeSync(here, chunk, 0, 1));
    },
    goOn() {
      whileThereIsRoom(() => readSync(here, chunk));
      chunk.fill('\n');
    },
    close() {
      closeSync(fd);
      closeSync(here);
    },
  };
}

/** Until the pipe is full, or empty. */
function whileThereIsRoom(act: () => number): void {
  try {
    while (act() > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
}
