import { readFileSync } from 'node:fs';
import process from 'node:process';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { writeInputs } from '../../wasm/workbench/packed-tensors.js';
import { findPeer } from './peer.js';
import type { StartUp } from './start-up.js';
import { medianOf } from '../../wasm/workbench/median.js';

// One start of a process: it is told who runs and which model, reads an input, and ends with what it measured.

const [who = '', file = ''] = process.argv.slice(2);
/** Time enough for the engine's best compiler; the last part of it counts as steady. */
const runMs = 2_000;
const steadyShare = 0.2;
/** How far from steady an inference may be that counts as such. */
const tolerance = 1.15;

const limits = { arenaBytes: 2 ** 28 };
const model = new Uint8Array(readFileSync(file));

async function load(): Promise<(input: Uint8Array) => void> {
  if (who === 'peer') {
    const peer = await findPeer();
    if (peer === undefined) throw new Error('no peer is installed');
    return peer.loadPeer(model, file);
  }
  const interpreter = Interpreter.create(await compileWasmCore(), model, limits);
  return (input) => {
    writeInputs(interpreter, input);
    interpreter.invoke();
  };
}

const input = new Uint8Array(readFileSync(process.stdin.fd));

const beganMs = performance.now();
const run = await load();
const loadedMs = performance.now();
run(input);
const firstMs = performance.now();
const ends: number[] = [firstMs];
while (performance.now() - firstMs < runMs) {
  run(input);
  ends.push(performance.now());
}
const timesMs = ends.slice(1).map((end, i) => end - (ends[i] ?? end));
const last = medianOf(timesMs.slice(-Math.ceil(timesMs.length * steadyShare)));
const steady = timesMs.findIndex((_, i) => medianOf(timesMs.slice(i, i + 5)) <= last * tolerance);
// The next load in the same process finds the module compiled.
const againMs = performance.now();
(await load())(input);
const measured: StartUp = {
  loadMs: loadedMs - beganMs,
  firstMs: firstMs - loadedMs,
  toFirstMs: firstMs - beganMs,
  steadyAfterMs: (ends[steady] ?? NaN) - beganMs,
  againMs: performance.now() - againMs,
};
process.stdout.write(JSON.stringify(measured));
process.exit(0);
