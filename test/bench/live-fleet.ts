import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { program } from '../helpers/command-line.js';
import { startMosquitto } from '../helpers/mosquitto.js';
import { Site } from '../helpers/site.js';
import type { Bench } from './bench.js';

const devices = 5_000;
const perSecond = 200;
const seconds = 150;

/** What a process of either kind tells. */
interface Taken {
  readonly connected: number;
  readonly connectedAfterS?: number;
  readonly processorS: number;
  readonly rssBytes: number;
}

interface FleetTaken extends Taken {
  readonly exit: number;
  readonly committed: number;
  readonly committedAfterS?: number;
  readonly unheard: number;
  readonly windows: { readonly lost: number };
  readonly arrivals: Readonly<Record<string, { published: number; accepted: number }>>;
}

/** Devices of one process on Mosquitto beside as many clients of MQTT.js that do nothing else; a window and a report a minute each. */
export const liveFleetBench: Bench = {
  name: 'live-fleet',
  async run(report) {
    const broker = startMosquitto({
      quiet: true,
      config: (port) =>
        `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\nmax_queued_messages 100000\n`,
    });
    const site = await Site.open(broker);
    try {
      await site.publish(site.release('vibration-v1', 1));
      const bare = (await tell(site.folder, [
        path.join(import.meta.dirname, 'bare-clients-worker.js'),
        ...[site.broker.url, devices, perSecond, seconds].map(String),
      ])) as Taken;
      const fleet = (await tell(site.folder, [
        program,
        ...['simulate', '--live', '--json', '--keys', 'keys', '--broker', site.broker.url],
        ...['--devices', String(devices), '--ramp', String(perSecond)],
        ...['--period', '60000', '--seconds', String(seconds)],
      ])) as FleetTaken;
      const { published = 0, accepted = 0 } = fleet.arrivals['report'] ?? {};
      const note = `of ${devices}: ${fleet.connected} connected, ${fleet.committed} committed, ${fleet.windows.lost} windows lost, ${published - accepted} of ${published} reports missing, ${fleet.unheard} messages not heard; exit ${fleet.exit}`;
      const figures: readonly (readonly [string, number, number])[] = [
        ['connectedAfterS', fleet.connectedAfterS ?? NaN, bare.connectedAfterS ?? NaN],
        ['committedAfterS', fleet.committedAfterS ?? NaN, NaN],
        [
          'processorMsPerDevice',
          (fleet.processorS / devices) * 1e3,
          (bare.processorS / devices) * 1e3,
        ],
        ['rssKiBPerDevice', fleet.rssBytes / devices / 1024, bare.rssBytes / devices / 1024],
      ];
      for (const [metric, value, peer] of figures) {
        report({
          subject: `${devices} devices, ${seconds} s`,
          metric,
          value,
          ...(!Number.isNaN(peer) && { peer: { name: 'bare MQTT.js', value: peer } }),
          note,
        });
      }
    } finally {
      await site.close();
    }
  },
};

/** Runs a program and gives the object that it prints. */
function tell(folder: string, words: readonly string[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, words, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
    child.once('error', reject);
    child.once('close', () => {
      try {
        resolve(JSON.parse(text));
      } catch (error) {
        reject(new Error(`${words[0]} told nothing: ${String(error)}`));
      }
    });
  });
}
