import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Bench } from './bench.js';

/** Bytes of the inference core, as they lie in the package and as they travel. */
export const coreSizeBench: Bench = {
  name: 'core-size',
  run(report) {
    const core = readFileSync(new URL(import.meta.resolve('#tinylamp.wasm')));
    report({ subject: 'core', metric: 'rawBytes', value: core.length });
    report({ subject: 'core', metric: 'gzipBytes', value: gzipSync(core, { level: 9 }).length });
    return Promise.resolve();
  },
};
