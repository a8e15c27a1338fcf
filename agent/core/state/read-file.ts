import { limits } from '../../../protocol/limits.js';
import { ask, type Process } from '../process.js';
import type { Result } from '../../../protocol/result.js';
import { patienceMs } from './patience.js';

/**
 * Reads a file, and again after a pause where the disk fails: what cannot be read at this moment may be
 * whole, and taking it for lost would let floors fall, or give up the release that is served.
 */
export function* readFile(
  name: string,
  limitBytes: number,
): Process<Result<Uint8Array | undefined>> {
  return yield* readAgain(name, limitBytes, (attempt) =>
    attempt < limits.readAttempts ? limits.readPauseMs : undefined,
  );
}

/** Reads a file for as long as it takes where the disk fails. Nothing may wait for it that matters. */
export function* readPatiently(
  name: string,
  limitBytes: number,
): Process<Result<Uint8Array | undefined>> {
  return yield* readAgain(name, limitBytes, patienceMs);
}

/** @param pauseMs how long to wait after the nth try that failed; undefined where it was the last */
function* readAgain(
  name: string,
  limitBytes: number,
  pauseMs: (attempt: number) => number | undefined,
): Process<Result<Uint8Array | undefined>> {
  for (let attempt = 1; ; attempt++) {
    const file = yield* ask('read', { name, limitBytes });
    if (file.ok || file.rejection.code !== 'storage-failed') return file;
    const delayMs = pauseMs(attempt);
    if (delayMs === undefined) return file;
    yield* ask('wait', { delayMs });
  }
}
