import { Worker } from 'node:worker_threads';
import type { Outcome } from '../simulation/outcome.js';
import type { WorkerScenario } from './run-worker.js';

/**
 * Runs seeds of a scenario in several threads, and gives their outcomes in the order of the seeds, each as soon as it and all
 * before it are there. Throws where a run cannot even begin.
 */
export async function* runSeeds(
  scenario: WorkerScenario,
  seeds: readonly number[],
  threads: number,
): AsyncGenerator<Outcome> {
  const workers = Array.from({ length: Math.min(threads, seeds.length) }, () =>
    startWorker(scenario),
  );
  const pending = new Map<number, Promise<Outcome>>();
  let next = 0;
  const feed = (worker: RunWorker): void => {
    const seed = seeds[next++];
    if (seed === undefined) return;
    const outcome = worker.run(seed);
    pending.set(seed, outcome);
    // What fails is thrown where it is waited for.
    outcome.then(
      () => {
        feed(worker);
      },
      () => undefined,
    );
  };
  try {
    workers.forEach(feed);
    for (const seed of seeds) {
      const outcome = await pending.get(seed);
      pending.delete(seed);
      if (outcome === undefined) return;
      yield outcome;
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.end()));
  }
}

interface RunWorker {
  run(seed: number): Promise<Outcome>;
  end(): Promise<unknown>;
}

/** More garbage is young for longer: a run makes much, and keeps little. */
const youngMb = 64;

function startWorker(scenario: WorkerScenario): RunWorker {
  const worker = new Worker(new URL('./run-worker.js', import.meta.url), {
    workerData: scenario,
    resourceLimits: { maxYoungGenerationSizeMb: youngMb },
  });
  return {
    run: (seed) =>
      new Promise((resolve, reject) => {
        const failed = (error: unknown): void => {
          reject(error instanceof Error ? error : new Error(String(error)));
        };
        worker.once('error', failed);
        worker.once('message', (said: Outcome | { readonly crash: string }) => {
          worker.off('error', failed);
          if ('crash' in said) failed(new Error(said.crash));
          else resolve(said);
        });
        worker.postMessage(seed);
      }),
    end: () => worker.terminate(),
  };
}
