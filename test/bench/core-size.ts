import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { coreFiles } from '../../wasm/loader/builds.js';
import type { Bench } from './bench.js';

/** Bytes of each build of the inference core, as they lie in the package and as they travel. */
export const coreSizeBench: Bench = {
  name: 'core-size',
  run(report) {
    for (const [build, file] of Object.entries(coreFiles)) {
      const core = readFileSync(new URL(import.meta.resolve(`#core/${file}`)));
      const subject = build === 'plain' ? 'core' : `core-${build}`;
      report({ subject, metric: 'rawBytes', value: core.length });
      report({ subject, metric: 'gzipBytes', value: gzipSync(core, { level: 9 }).length });
    }
    return Promise.resolve();
  },
};
