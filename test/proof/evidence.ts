import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { Campaign } from './campaign.js';
import { nameOfCommit } from './commit-name.js';
import { withPart } from './evidence/evidence-page.js';
import { runsOf } from './evidence/section.js';
import { sections } from './evidence/sections/all.js';

const root = path.resolve(import.meta.dirname, '../../..');
const page = path.join(root, 'docs/evidence.md');

/** Simulated fleets by the thousand, judged by the product's own judge; docs/evidence.md has the tables. */
export const evidenceCampaign: Campaign = {
  name: 'evidence',
  claim:
    'Verdicts are wrong no more often than promised, whatever the size of the fleet, and one device alone decides none.',
  run(seed, progress, only) {
    const unknown =
      only?.filter((name) => !sections.some((section) => section.name === name)) ?? [];
    if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(', ')}`);
    const commit = nameOfCommit(root);
    const figures: string[] = [];
    const bad: string[] = [];
    for (const section of sections) {
      if (only !== undefined && !only.includes(section.name)) continue;
      const began = performance.now();
      const result = section.run({
        seed,
        runs: runsOf,
        progress: (text) => {
          progress(`${section.name}: ${text}`);
        },
      });
      const seconds = (performance.now() - began) / 1000;
      const before = existsSync(page) ? readFileSync(page, 'utf8') : '';
      const circumstances = { seed, commit, node: process.version, seconds };
      writeFileSync(page, withPart(before, sections, section, result, circumstances));
      const verdict = result.bad.length === 0 ? 'promises kept' : `${result.bad.length} broken`;
      figures.push(`${section.title}: ${verdict} ([evidence.md](evidence.md))`);
      bad.push(...result.bad.map((each) => `${section.name}: ${each}`));
    }
    return Promise.resolve({ figures, bad });
  },
};
