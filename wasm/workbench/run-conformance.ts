import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ConformanceCase } from './conformance-folder.js';
import type { CaseFailure, CaseOutcome } from './run-case.js';

/** A case that takes longer has failed (design, section 11). */
const caseDeadlineMs = 10_000;

/**
 * Runs cases in workers, and gives the outcomes in the order of the cases, each as soon as it is there. A case that crashes
 * or is late costs its worker; the next case gets a fresh one.
 *
 * @param workers how many run at a time
 */
export async function* runConformance(
  core: WebAssembly.Module,
  cases: readonly ConformanceCase[],
  workers = availableParallelism(),
  deadlineMs = caseDeadlineMs,
): AsyncGenerator<CaseOutcome, void, undefined> {
  const benches = Array.from({ length: Math.min(workers, cases.length) }, () => new Bench(core));
  const outcomes: Promise<CaseOutcome>[] = [];
  const startNext = (bench: Bench): void => {
    const given = cases[outcomes.length];
    if (given === undefined) return;
    const outcome = bench.run(given, deadlineMs);
    outcomes.push(outcome);
    void outcome.then(() => {
      startNext(bench);
    });
  };
  try {
    for (const bench of benches) startNext(bench);
    for (let i = 0; i < cases.length; i++) {
      const outcome = await outcomes[i];
      if (outcome !== undefined) yield outcome;
    }
  } finally {
    await Promise.all(benches.map((bench) => bench.clear()));
  }
}

/** Runs one case after the other, each in a worker that no other has broken. */
class Bench {
  readonly #core: WebAssembly.Module;
  #worker: Worker | undefined;

  constructor(core: WebAssembly.Module) {
    this.#core = core;
  }

  async run(given: ConformanceCase, deadlineMs: number): Promise<CaseOutcome> {
    this.#worker ??= new Worker(new URL('./case-worker.js', import.meta.url), {
      workerData: { core: this.#core },
    });
    const outcome = await runIn(this.#worker, given, deadlineMs);
    if (outcome.failure?.kind === 'late' || outcome.failure?.kind === 'crashed') await this.clear();
    return outcome;
  }

  async clear(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
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
