import { formatNumber, formatTable } from '../../bin/text-table.js';
import type { Bench, BenchFigure } from './bench.js';
import { batchBench } from './batch.js';
import { agentMemoryBench } from './agent-memory.js';
import { agentSlotsBench } from './agent-slots.js';
import { agentThroughputBench } from './agent-throughput.js';
import { agentUpdateBench } from './agent-update.js';
import { coreSizeBench } from './core-size.js';
import { costModelBench } from './cost-model.js';
import { createDisturbancesBench } from './disturbances.js';
import { liveFleetBench } from './live-fleet.js';
import { rolloutLookBench } from './rollout-look.js';
import { shadowBench } from './shadow.js';
import { workersBench } from './workers.js';
import { inferenceBench, inferenceFoundBench } from './inference.js';
import { modelMemoryBench } from './model-memory.js';
import { nativeBench } from './native.js';
import { simulationBench } from './simulation.js';
import { startUpBench } from './start-up.js';

/**
 * `npm run bench -- [--json] [NAME…]`: measures all benches, or those that are named. What a peer needs is
 * set in relation to what we need; both took turns in the same run.
 */
const benches: readonly Bench[] = [
  inferenceBench,
  inferenceFoundBench,
  nativeBench,
  batchBench,
  workersBench,
  startUpBench,
  coreSizeBench,
  modelMemoryBench,
  agentMemoryBench,
  agentSlotsBench,
  agentUpdateBench,
  agentThroughputBench,
  liveFleetBench,
  shadowBench,
  rolloutLookBench,
  costModelBench,
  simulationBench,
  createDisturbancesBench(),
];

const words = process.argv.slice(2);
const names = words.filter((word) => word !== '--json');
const unknown = names.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  const known = benches.map(({ name }) => name).join(', ');
  process.stderr.write(`no bench is named ${unknown.join(', ')}; there are ${known}\n`);
  process.exit(2);
}

const figures: (BenchFigure & { readonly bench: string })[] = [];
for (const bench of benches) {
  if (names.length > 0 && !names.includes(bench.name)) continue;
  process.stderr.write(`${bench.name} …\n`);
  await bench.run((figure) => figures.push({ bench: bench.name, ...figure }));
}

if (words.includes('--json')) {
  process.stdout.write(`${JSON.stringify({ node: process.version, figures })}\n`);
} else {
  const headings = ['bench', 'subject', 'metric', 'ours', 'peer', 'peer / ours', ''];
  const rows = figures.map(({ bench, subject, metric, value, peer, note }) => [
    bench,
    subject,
    metric,
    formatNumber(value),
    peer === undefined ? '' : `${peer.name} ${formatNumber(peer.value)}`,
    peer === undefined ? '' : (peer.value / value).toFixed(2),
    note ?? '',
  ]);
  for (const line of formatTable(headings, rows)) process.stdout.write(`${line}\n`);
}
