import { Worker } from 'node:worker_threads';
import type { ConformanceCase } from './conformance-folder.js';
import type { CaseFailure, CaseOutcome } from './run-case.js';

/** A case that takes longer has failed (design, section 11). */
const caseDeadlineMs = 10_000;

/**
 * Runs cases one after the other in a worker, and gives each outcome as soon as it is there. A case that crashes
 * or is late costs its worker; the next case gets a fresh one.
 */
export async function* runConformance(
  core: WebAssembly.Module,
  cases: readonly ConformanceCase[],
  deadlineMs = caseDeadlineMs,
): AsyncGenerator<CaseOutcome, void, undefined> {
  let worker: Worker | undefined;
  try {
    for (const each of cases) {
      worker ??= new Worker(new URL('./case-worker.js', import.meta.url), { workerData: { core } });
      const outcome = await runIn(worker, each, deadlineMs);
      if (outcome.failure?.kind === 'late' || outcome.failure?.kind === 'crashed') {
        await worker.terminate();
        worker = undefined;
      }
      yield outcome;
    }
  } finally {
    await worker?.terminate();
  }
}

function runIn(worker: Worker, given: ConformanceCase, deadlineMs: number): Promise<CaseOutcome> {
  return new Promise((resolve) => {
    const settle = (outcome: CaseOutcome): void => {
      clearTimeout(timer);
      worker.off('message', settle).off('error', crash).off('exit', end);
      resolve(outcome);
    };
    const fail = (kind: CaseFailure['kind'], detail: string): void => {
      const { name, upstreamArenaBytes } = given;
      const failure = { kind, detail };
      settle({ name, vectors: 0, failure, arenaBytes: undefined, upstreamArenaBytes });
    };
    const crash = (error: Error): void => {
      fail('crashed', error.message);
    };
    const end = (code: number): void => {
      fail('crashed', `the worker ended with code ${code}`);
    };
    const timer = setTimeout(() => {
      fail('late', `it ran for more than ${deadlineMs / 1000} seconds`);
    }, deadlineMs);
    worker.on('message', settle).on('error', crash).on('exit', end);
    worker.postMessage(given);
  });
}
