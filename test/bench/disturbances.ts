import { closeSync, existsSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as pass } from 'node:timers/promises';
import { sealSign1 } from '../../protocol/cose/sign1.js';
import { createTopics } from '../../protocol/topics.js';
import { startAgent, type Surroundings } from '../helpers/agent-process.js';
import { startFlood } from '../helpers/flood.js';
import type { Onlooker } from '../helpers/onlooker.js';
import { peakResidentBytes } from '../helpers/resident-memory.js';
import { Site } from '../helpers/site.js';
import { openStillReader } from '../helpers/still-reader.js';
import { WindowStream } from '../helpers/window-stream.js';
import type { Bench, BenchFigure } from './bench.js';

const periodMs = 100;
const truthTopic = 'truth/press-7';

/** How long results are counted before, during and after a disturbance. */
export interface Phases {
  readonly beforeMs: number;
  readonly duringMs: number;
  readonly afterMs: number;
}

/** Something that goes wrong around an agent, or what it needs that is missing here. */
type Disturbance = { readonly name: string } & (
  { readonly prepare: (site: Site) => Prepared } | { readonly missing: string }
);

/** All is ready for an agent to start, and later for the disturbance to begin. */
interface Prepared {
  readonly surroundings?: Surroundings;
  begin(onlooker: Onlooker): Ending;
  close?(): void;
}

/** Ends a disturbance, and says what it was. */
type Ending = () => Promise<string>;

const topics = createTopics('tinylamp');

/** Three bytes that are no document, no sample and no label. */
const threeBytes = Uint8Array.of(1, 2, 3);

const disturbances: readonly Disturbance[] = [
  { name: 'none', prepare: () => ({ begin: () => () => Promise.resolve('') }) },
  flood('3-byte policies', ({ slot }) => [topics.policy(slot), threeBytes]),
  flood('90 KB policies with a wrong signature', ({ slot, keys }) => [
    topics.policy(slot),
    sealSign1('policy', keys.key.kid, new Uint8Array(90_000), () => new Uint8Array(64)),
  ]),
  flood('messages beside the samples', ({ sensorTopic }) => [sensorTopic, threeBytes]),
  flood('labels of windows that never were', () => [
    truthTopic,
    JSON.stringify({ boot: 1, window: 999_999_999, label: 'normal' }),
  ]),
  {
    name: 'log on a full disk',
    prepare: () => {
      const stderr = openSync('/dev/full', 'w');
      return {
        surroundings: { stderr },
        begin: (onlooker) => makeItLog(onlooker),
        close: () => {
          closeSync(stderr);
        },
      };
    },
  },
  {
    name: 'reader of the log stands still',
    prepare: ({ folder }) => {
      const reader = openStillReader(folder);
      return {
        surroundings: { stderr: reader.fd },
        begin: (onlooker) => {
          reader.standStill();
          const end = makeItLog(onlooker);
          return () => {
            reader.goOn();
            return end();
          };
        },
        close: () => {
          reader.close();
        },
      };
    },
  },
  ntpStep(),
];

/**
 * An agent process that answers a window every 100 ms over a real broker, while something goes wrong around it:
 * results in a second before, during and after, and how many windows were never answered.
 */
export function createDisturbancesBench(
  phases: Phases = { beforeMs: 5_000, duringMs: 10_000, afterMs: 5_000 },
): Bench {
  return {
    name: 'disturbances',
    async run(report) {
      for (const disturbance of disturbances) {
        if ('missing' in disturbance) {
          process.stderr.write(`skipped: ${disturbance.name}: ${disturbance.missing}\n`);
          continue;
        }
        const site = await Site.open();
        site.configure({ periodMs, truthTopic });
        try {
          const { name, prepare } = disturbance;
          for (const figure of await measure(site, name, prepare(site), phases)) report(figure);
        } finally {
          await site.close();
        }
      }
    },
  };
}

async function measure(
  site: Site,
  subject: string,
  prepared: Prepared,
  { beforeMs, duringMs, afterMs }: Phases,
): Promise<readonly BenchFigure[]> {
  const onlooker = await site.watch();
  const agent = startAgent(site.configFile, [], prepared.surroundings);
  try {
    await site.publish(site.release('vibration-v1', 1));
    const stream = await WindowStream.begin(site, onlooker, periodMs);
    await onlooker.events.find(({ event }) => event === 'committed');
    await stream.answered(10);
    const from = stream.last;
    const count = async (phaseMs: number): Promise<number> => {
      const beganMs = performance.now();
      const resultsBefore = onlooker.results.length;
      await pass(phaseMs);
      return (1_000 * (onlooker.results.length - resultsBefore)) / (performance.now() - beganMs);
    };
    const before = await count(beforeMs);
    const end = prepared.begin(onlooker);
    const during = await count(duringMs);
    const what = await end();
    const after = await count(afterMs);
    const sent = stream.last - from;
    const lost = await stream.end();
    const latencies = stream.answers.filter(({ window }) => window > from);
    // The agent numbers what it is given, so the numbers of what comes in the calm at the end tell what it was not given.
    const given = Math.max(...onlooker.results.entries.map(({ window }) => window));
    const maxMs = Math.max(...latencies.map(({ latencyMs }) => latencyMs));
    const rate = (value: number): number => Math.round(10 * value) / 10;
    return [
      { subject, metric: 'beforeResultsPerSecond', value: rate(before), note: what },
      { subject, metric: 'duringResultsPerSecond', value: rate(during) },
      { subject, metric: 'afterResultsPerSecond', value: rate(after) },
      { subject, metric: 'lostWindows', value: lost, note: `of ${sent}` },
      { subject, metric: 'undeliveredWindows', value: stream.last - given },
      { subject, metric: 'maxUs', value: Math.round(1_000 * maxMs) },
      { subject, metric: 'peakRssBytes', value: peakResidentBytes(agent.pid) },
    ];
  } finally {
    await agent.end('SIGKILL');
    await onlooker.leave();
    prepared.close?.();
  }
}

/** The same message again and again, as fast as the broker takes it. */
function flood(
  name: string,
  messageOf: (site: Site) => readonly [topic: string, payload: Uint8Array | string],
): Disturbance {
  return {
    name: `flood: ${name}`,
    prepare: (site) => ({
      begin: () => {
        const running = startFlood(site, ...messageOf(site));
        return async () => `${await running.end()} messages sent`;
      },
    }),
  };
}

/** Ten bad documents in a second, so that there is something to log. */
function makeItLog(onlooker: Onlooker): Ending {
  const sending = setInterval(() => {
    void onlooker.publish(topics.beacon(), threeBytes);
  }, 100);
  return () => {
    clearInterval(sending);
    return Promise.resolve('ten bad documents in a second, which are logged');
  };
}

/** A gateway without a battery for its clock begins in 1970, until NTP sets it. */
function ntpStep(): Disturbance {
  const name = 'NTP step from 1970';
  const library = findFaketime();
  if (library === undefined) return { name, missing: 'apt-get install faketime' };
  return {
    name,
    prepare: ({ folder }) => {
      const file = path.join(folder, 'offset');
      writeFileSync(file, `-${Math.floor(Date.now() / 1_000) - 60}\n`);
      return {
        surroundings: {
          variables: {
            LD_PRELOAD: library,
            FAKETIME_TIMESTAMP_FILE: file,
            FAKETIME_NO_CACHE: '1',
            DONT_FAKE_MONOTONIC: '1',
          },
        },
        begin: (onlooker) => {
          const before = yearOfLastResult(onlooker);
          writeFileSync(file, '+0\n');
          return () =>
            Promise.resolve(`results of ${before}, and then of ${yearOfLastResult(onlooker)}`);
        },
      };
    },
  };
}

function yearOfLastResult({ results }: Onlooker): number {
  return new Date(results.entries[results.length - 1]?.t ?? NaN).getUTCFullYear();
}

function findFaketime(): string | undefined {
  const folders = ['/usr/lib', '/usr/local/lib'];
  const within = folders.flatMap((folder) => {
    if (!existsSync(folder)) return [];
    return readdirSync(folder).map((name) => path.join(folder, name));
  });
  return [...folders, ...within]
    .map((folder) => path.join(folder, 'faketime', 'libfaketime.so.1'))
    .find((file) => existsSync(file));
}
