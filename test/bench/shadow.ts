import { writeFileSync } from 'node:fs';
import { startHostileAgent } from '../helpers/agent-process.js';
import { hostilities, type Hostility } from '../helpers/hostile-core.js';
import { buildHostileRelease } from '../helpers/hostile-release.js';
import type { Onlooker } from '../helpers/onlooker.js';
import { peakResidentBytes, residentBytes } from '../helpers/resident-memory.js';
import { Site } from '../helpers/site.js';
import { WindowStream } from '../helpers/window-stream.js';
import type { Bench, BenchFigure } from './bench.js';

const periodMs = 100;

/** Windows before a challenger comes in, and after it has ended. */
const quietWindows = 20;

/** Windows with a challenger that does not end. */
const sharedWindows = 100;

/** Less than the period; death takes V8 longer, and while a window is with it on trial no more than eight can wait. */
const deadlineMsOf = (hostility: Hostility): number => (hostility === 'kills' ? 800 : 80);

const challengers = ['none', 'honest', ...hostilities] as const;

/**
 * An agent process that answers a window every 100 ms over a real broker, with a challenger in the shadow or on trial that
 * is honest, or shows after its first window that it is hostile: how long the answers take from the last sample on, how many are
 * lost or later than the period, how the challenger ends, and what it costs in memory.
 */
export const shadowBench: Bench = {
  name: 'shadow',
  async run(report) {
    for (const mode of ['shadow', 'trial'] as const) {
      for (const challenger of challengers) {
        // On trial an honest one is the service, not a guest.
        if (mode === 'trial' && (challenger === 'none' || challenger === 'honest')) continue;
        const site = await Site.open();
        site.configure({ periodMs });
        try {
          for (const figure of await measure(site, mode, challenger)) report(figure);
        } finally {
          await site.close();
        }
      }
    }
  },
};

async function measure(
  site: Site,
  mode: 'shadow' | 'trial',
  challenger: (typeof challengers)[number],
): Promise<readonly BenchFigure[]> {
  const onlooker = await site.watch();
  const agent = startHostileAgent(site.configFile);
  try {
    const champion = site.release('vibration-v1', 1);
    const honest = site.release('vibration-v2', 2);
    const release =
      challenger === 'none' || challenger === 'honest'
        ? honest
        : await buildHostileRelease(honest, challenger, deadlineMsOf(challenger), site.keys.key);
    await site.publish(champion);
    const stream = await WindowStream.begin(site, onlooker, periodMs);
    await onlooker.events.find(({ event }) => event === 'committed');
    await stream.answered(quietWindows);
    const rssBytes = residentBytes(agent.pid);
    resetPeak(agent.pid);
    const from = stream.last;
    let end = 'none';
    if (challenger === 'none') await stream.answered(sharedWindows);
    else if (mode === 'trial') {
      await site.publish(release, undefined, { soakMs: 0, inferences: 10_000 });
      end = await endOf(onlooker);
    } else {
      await site.compare(champion, release, { windows: 10_000, budgetPermille: 1000 });
      if (challenger === 'honest') await stream.answered(sharedWindows);
      else end = await endOf(onlooker);
    }
    await stream.answered(quietWindows);
    const lost = await stream.end();
    const answers = stream.answers.filter(({ window }) => window > from);
    const latencies = answers.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
    const at = (share: number): number =>
      Math.round(1000 * (latencies[Math.floor(share * (latencies.length - 1))] ?? NaN));
    const late = latencies.filter((latencyMs) => latencyMs > periodMs).length;
    const subject = `${mode}: ${challenger}`;
    const note = `${answers.length} windows every ${periodMs} ms; ended: ${end}`;
    return [
      { subject, metric: 'medianUs', value: at(0.5), note },
      { subject, metric: 'p99Us', value: at(0.99) },
      { subject, metric: 'maxUs', value: at(1) },
      { subject, metric: 'lostWindows', value: lost },
      { subject, metric: 'lateWindows', value: late },
      { subject, metric: 'beforeRssBytes', value: rssBytes },
      { subject, metric: 'peakRssBytes', value: peakResidentBytes(agent.pid) },
      { subject, metric: 'afterRssBytes', value: residentBytes(agent.pid) },
    ];
  } finally {
    await agent.end();
    await onlooker.leave();
  }
}

/** How a challenger ended: its last phase and the code. */
async function endOf(onlooker: Onlooker): Promise<string> {
  const { event, code = '' } = await onlooker.events.find((each) =>
    /^(rejected|rolled-back)$/.test(each.event),
  );
  return `${event} ${code}`;
}

/** From now on the kernel counts the most memory anew (proc(5), clear_refs). */
function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}
