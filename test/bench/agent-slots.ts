import { writeFileSync } from 'node:fs';
import { setTimeout as pass } from 'node:timers/promises';
import { sealRelease } from '../../operator/release/build-release.js';
import { medianOf } from '../../wasm/workbench/median.js';
import { startAgent } from '../helpers/agent-process.js';
import { Onlooker } from '../helpers/onlooker.js';
import { residentBytes } from '../helpers/resident-memory.js';
import { Site, WindowSender } from '../helpers/site.js';
import type { Bench } from './bench.js';

const slots = Array.from({ length: 8 }, (_, i) => `machine-${i}`);
const runs = 3;
const windows = 20;
const windowMs = 100;
/** Until what was only needed before has been given back. */
const settleMs = 3_000;

interface Resident {
  /** When all releases are committed, in the run in which they were. */
  readonly committed: number;
  /** In the next run. */
  readonly restarted: number;
}

/** Resident memory of an agent process with eight slots that each run the demo's model, by `engine.workers`. */
export const agentSlotsBench: Bench = {
  name: 'agent-slots',
  async run(report) {
    const own: Resident[] = [];
    const shared: Resident[] = [];
    for (let i = 0; i < runs; i++) {
      own.push(await measure('own'));
      shared.push(await measure('shared'));
    }
    for (const when of ['committed', 'restarted'] as const) {
      const median = (of: readonly Resident[]): number => medianOf(of.map((each) => each[when]));
      report({
        subject: `${slots.length} slots, ${when}`,
        metric: 'rssBytes',
        value: median(shared),
        peer: { name: 'workers: own', value: median(own) },
        note: `workers: shared; vibration-v1, after ${windows} windows each; ${runs} runs`,
      });
    }
  },
};

async function measure(workers: 'own' | 'shared'): Promise<Resident> {
  const site = await Site.open();
  writeFileSync(
    site.configFile,
    `deviceId: ${site.deviceId}
stateDir: state
mqtt: {url: "${site.broker.url}"}
trust: {keyset: keys/keyset.cbor}
engine: {workers: ${workers}}
slots:
${slots.map((slot) => `  ${slot}: {source: {type: mqtt, topic: sensors/${slot}, decode: json, fields: [/x, /y, /z]}}\n`).join('')}`,
  );
  const onlookers = await Promise.all(
    slots.map((slot) => Onlooker.of(site.broker.url, site.deviceId, slot)),
  );
  try {
    const { manifest, artifacts } = site.release('vibration-v1', 1);
    for (const slot of slots) {
      await site.publish(sealRelease({ ...manifest, slot }, artifacts, site.keys.key));
    }
    const committed = await residentOf(site, onlookers, true);
    return { committed, restarted: await residentOf(site, onlookers, false) };
  } finally {
    await Promise.all(onlookers.map((onlooker) => onlooker.leave()));
    await site.close();
  }
}

/** Starts the agent, has every slot answer windows, and ends it. */
async function residentOf(
  site: Site,
  onlookers: readonly Onlooker[],
  isFirstRun: boolean,
): Promise<number> {
  const agent = startAgent(site.configFile);
  const sender = new WindowSender('imbalance', 1);
  try {
    await Promise.all(
      onlookers.map(async (onlooker, i) => {
        const { results } = onlooker;
        for (let answered = 0; answered < windows;) {
          const from = results.length;
          await onlooker.publish(`sensors/${slots[i]}`, sender.next());
          await pass(windowMs);
          answered += results.length - from;
        }
      }),
    );
    if (isFirstRun) {
      const [onlooker] = onlookers;
      for (const slot of slots) {
        await onlooker?.events.find((each) => each.event === 'committed' && each.slot === slot);
      }
    }
    await pass(settleMs);
    return residentBytes(agent.pid);
  } finally {
    await agent.end();
  }
}
