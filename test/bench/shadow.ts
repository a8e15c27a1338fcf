import { readFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as pass } from 'node:timers/promises';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { createWorkerEngine } from '../../agent/adapters/engine/worker-engine.js';
import { expectOk } from '../../agent/core/coded-error.js';
import type { Engine, Handle } from '../../agent/ports/engine.js';
import { assembleHostileCore } from '../helpers/hostile-core.js';
import type { Bench } from './bench.js';

const windows = 150;
const periodMs = 20;
const load = { arenaBytes: 1_048_576, deadlineMs: 10_000 };
const deadlineMs = 100;

/** What runs in the shadow of the champion. */
type Shadow = 'none' | 'honest' | 'traps' | 'loops';

/**
 * The champion with a challenger beside it, each in a worker of its own as in the agent: how long its answers
 * take, and how many come later than its period, while the challenger is honest, traps at every inference,
 * or never comes back and is ended at its deadline.
 */
export const shadowBench: Bench = {
  name: 'shadow',
  async run(report) {
    const core = await compileWasmCore();
    const model = new Uint8Array(
      readFileSync(new URL(import.meta.resolve('#demo-models/vibration-v2.tflite'))),
    );
    for (const shadow of ['none', 'honest', 'traps', 'loops'] as const) {
      const champion = createWorkerEngine(core);
      const challenger = createWorkerEngine(
        shadow === 'traps' || shadow === 'loops' ? assembleHostileCore(core, model, shadow) : core,
      );
      try {
        const { latenciesUs, lost, late, ended } = await run(champion, challenger, model, shadow);
        const at = (share: number): number =>
          latenciesUs[Math.floor(share * (latenciesUs.length - 1))] ?? 0;
        const note = `${windows} windows every ${periodMs} ms, ${lost} lost, ${late} late, challenger ended ${ended} times`;
        report({
          subject: `challenger ${shadow}`,
          metric: 'championMedianUs',
          value: at(0.5),
          note,
        });
        report({ subject: `challenger ${shadow}`, metric: 'championP99Us', value: at(0.99) });
        report({
          subject: `challenger ${shadow}`,
          metric: 'rssBytes',
          value: process.memoryUsage.rss(),
        });
      } finally {
        await Promise.all([champion.close(), challenger.close()]);
      }
    }
  },
};

async function run(champion: Engine, challenger: Engine, model: Uint8Array, shadow: Shadow) {
  const facts = expectOk(await champion.load(1, model, load));
  const input = new Uint8Array(facts.inputs[0]?.byteLength ?? 0);
  const output = new Uint8Array(facts.outputs[0]?.byteLength ?? 0);
  const latenciesUs: number[] = [];
  const counts = { lost: 0, late: 0, ended: 0 };
  let handle: Handle | undefined = undefined;
  let next = 1;
  let shadowing: Promise<void> | undefined;
  const inShadow = async (): Promise<void> => {
    if (handle === undefined) {
      handle = next++;
      expectOk(await challenger.load(handle, model, load));
    }
    const answer = await challenger.invoke(handle, input.slice(), output.slice(), deadlineMs);
    if (answer.ok) return;
    // An agent would reject it now; here it comes back at once, to be as bad as it can.
    counts.ended++;
    await challenger.unload(handle);
    handle = undefined;
  };
  for (let i = 0; i < windows; i++) {
    const dueMs = performance.now() + periodMs;
    const began = performance.now();
    const answer = await champion.invoke(1, input, output, 10_000);
    const tookMs = performance.now() - began;
    if (!answer.ok) counts.lost++;
    else latenciesUs.push(tookMs * 1000);
    if (tookMs > periodMs) counts.late++;
    if (shadow !== 'none' && shadowing === undefined) {
      shadowing = inShadow().finally(() => (shadowing = undefined));
    }
    await pass(Math.max(0, dueMs - performance.now()));
  }
  await shadowing;
  latenciesUs.sort((a, b) => a - b);
  return { latenciesUs, ...counts };
}
