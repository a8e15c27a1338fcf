import { readFileSync } from 'node:fs';
import { startPool, type WorkerPool } from '../../library/node.js';
import { medianOf } from '../../wasm/workbench/median.js';
import type { Bench } from './bench.js';
import { presentSubjects } from './subjects.js';

const [rounds, roundMs] = [15, 200];
/** So that a thread never waits for the next input. */
const inFlight = 4;

/** Inferences a second of two threads, and as the peer those of one. */
export const workersBench: Bench = {
  name: 'workers',
  async run(report) {
    for (const [subject, file] of presentSubjects('workers')) {
      const model = new Uint8Array(readFileSync(file));
      const pools = [
        await startPool(model, { workers: 1 }),
        await startPool(model, { workers: 2 }),
      ];
      const rates = pools.map((): number[] => []);
      for (let round = 0; round <= rounds; round++) {
        for (const [i, pool] of pools.entries()) {
          const rate = await measure(pool, (i + 1) * inFlight);
          // The first time warms up.
          if (round > 0) rates[i]?.push(rate);
        }
      }
      await Promise.all(pools.map((pool) => pool.close()));
      const [one = NaN, two = NaN] = rates.map(medianOf);
      // Times, so that the peer's are to be divided by ours as everywhere.
      report({
        subject,
        metric: 'usPerInference',
        value: 1e6 / two,
        peer: { name: 'one worker', value: 1e6 / one },
        note: 'two workers',
      });
    }
  },
};

/** Inferences a second. Inputs lie in shared memory, which nobody changes here. */
async function measure(pool: WorkerPool, together: number): Promise<number> {
  const inputs = pool.inputs.map(
    ({ byteLength }) => new Int8Array(new SharedArrayBuffer(byteLength)),
  );
  const beganMs = performance.now();
  let count = 0;
  const one = async (): Promise<void> => {
    while (performance.now() - beganMs < roundMs) {
      await pool.run(...inputs);
      count++;
    }
  };
  await Promise.all(Array.from({ length: together }, one));
  return (count * 1000) / (performance.now() - beganMs);
}
