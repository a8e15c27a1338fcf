import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { Campaign } from './campaign.js';
import { nameOfCommit } from './commit-name.js';
import { evidenceCampaign } from './evidence.js';
import { driftCampaign } from './drift.js';
import { fuzzCoreCampaign } from './fuzz-core.js';
import { plantedCampaign } from './planted.js';
import { powerCutCampaign } from './power-cut.js';
import { withSection } from './proofs-page.js';
import { randomModelsCampaign } from './random-models.js';
import { campaignOfTests } from './test-files.js';

/**
 * `npm run proof -- [NAME…] [--only PART]`: runs all campaigns, or those that are named, and writes what they show to
 * docs/proofs.md. A campaign that has parts runs those that `--only` names, with commas between.
 * `TINYLAMP_SEED` draws others. Exit 1 where something is bad.
 */
const campaigns: readonly Campaign[] = [
  powerCutCampaign,
  plantedCampaign,
  driftCampaign,
  campaignOfTests({
    name: 'lives',
    claim:
      'Whatever happens to a device in a random life, inference goes on and nothing wrong is believed.',
    files: ['test/simulation/anything.test.ts'],
    counts: { TINYLAMP_LIVES: 1000 },
  }),
  campaignOfTests({
    name: 'kills',
    claim:
      'An agent that is killed at random moments answers with a verified model after each start.',
    files: ['test/e2e/kill-life.test.ts', 'test/e2e/kill.test.ts'],
    counts: { TINYLAMP_KILLS: 100 },
  }),
  campaignOfTests({
    name: 'hostile-evidence',
    claim: 'Whatever stands in a file of evidence, it is judged, or refused with a code.',
    files: ['test/operator/verdict/evidence-file.test.ts'],
    counts: { TINYLAMP_HOSTILE_FILES: 20_000 },
  }),
  campaignOfTests({
    name: 'hostile-scenarios',
    claim: 'Whatever stands in a scenario file, it is read, or refused with a code and a line.',
    files: ['test/simulator/scenario/hostile-scenario.test.ts'],
    counts: { TINYLAMP_HOSTILE_FILES: 10_000 },
  }),
  evidenceCampaign,
  randomModelsCampaign,
  fuzzCoreCampaign,
];

const root = path.resolve(import.meta.dirname, '../../..');
const page = path.join(root, 'docs/proofs.md');
const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' } },
});
const only = values.only?.split(',');
const unknown = names.filter((name) => !campaigns.some((campaign) => campaign.name === name));
if (unknown.length > 0) {
  const known = campaigns.map(({ name }) => name).join(', ');
  process.stderr.write(`no campaign is named ${unknown.join(', ')}; there are ${known}\n`);
  process.exit(2);
}

const seed = Number(process.env['TINYLAMP_SEED'] ?? 2026);
const commit = nameOfCommit(root);
for (const campaign of campaigns) {
  if (names.length > 0 && !names.includes(campaign.name)) continue;
  process.stderr.write(`${campaign.name} …\n`);
  const began = performance.now();
  const proof = await campaign.run(seed, showProgress(), only);
  const seconds = (performance.now() - began) / 1000;
  for (const figure of proof.figures) process.stdout.write(`${campaign.name}: ${figure}\n`);
  for (const bad of proof.bad) process.stdout.write(`${campaign.name}: bad: ${bad}\n`);
  if (proof.bad.length > 0) process.exitCode = 1;
  const before = existsSync(page) ? readFileSync(page, 'utf8') : '';
  const circumstances = { seed, commit, node: process.version, seconds };
  writeFileSync(page, withSection(before, campaigns, campaign, proof, circumstances));
}

/** Shows at most one line in five seconds: a campaign takes minutes, and a log is read by people. */
function showProgress(): (text: string) => void {
  let shownMs = 0;
  return (text) => {
    const nowMs = performance.now();
    if (nowMs - shownMs < 5_000) return;
    shownMs = nowMs;
    process.stderr.write(`  ${text}\n`);
  };
}
