import { parentPort, workerData } from 'node:worker_threads';
import type { ConformanceCase } from './conformance-folder.js';
import { runCase } from './run-case.js';

// Runs cases one after the other; ended from outside when one takes too long.

if (parentPort === null) throw new Error('this file is started as a worker');
const port = parentPort;
const { core } = workerData as { readonly core: WebAssembly.Module };

port.on('message', (given: ConformanceCase) => {
  port.postMessage(runCase(core, given));
});
