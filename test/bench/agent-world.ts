import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { buildRelease } from '../../operator/release/build-release.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { startAgent, type AgentProcess } from '../helpers/agent-process.js';
import { Onlooker } from '../helpers/onlooker.js';
import { sharedFolder } from '../helpers/requires.js';
import { createTools, Site } from '../helpers/site.js';
import type { BenchFigure } from './bench.js';

/** An agent process with an empty state directory, and a release with a model of 300 KB that it can get. */
export class AgentWorld {
  readonly site: Site;
  readonly release: ReleaseFile;
  readonly #picture = readFileSync(path.join(sharedFolder, 'data/inputs/person.bmp'));
  #agents = 0;

  private constructor(site: Site, release: ReleaseFile) {
    this.site = site;
    this.release = release;
  }

  /** Needs Mosquitto and the reference data; throws without them. */
  static async open(): Promise<AgentWorld> {
    const model = readFileSync(path.join(sharedFolder, 'data/models/person_detect.tflite'));
    const site = await Site.open();
    const release = await buildRelease(
      {
        model: new Uint8Array(model),
        labels: ['no person', 'person'],
        pipeline: undefined,
        slot: 'vision',
        name: 'person_detect',
        version: '',
        sequence: 1,
        epoch: 0,
      },
      await createTools(site.keys),
    );
    return new AgentWorld(site, release);
  }

  /** Starts a device that has never run, and fulfils when it has a session. */
  async startFreshAgent(): Promise<{ agent: AgentProcess; onlooker: Onlooker }> {
    const deviceId = `bench-${++this.#agents}`;
    const configFile = path.join(this.site.folder, `${deviceId}.yaml`);
    writeFileSync(
      configFile,
      `deviceId: ${deviceId}
stateDir: ${deviceId}
mqtt: {url: "${this.site.broker.url}"}
trust: {keyset: keys/keyset.cbor}
slots:
  vision:
    source: {type: mqtt, topic: camera/${deviceId}, decode: bmp}
`,
    );
    const onlooker = await Onlooker.of(this.site.broker.url, deviceId, 'vision');
    const agent = startAgent(configFile);
    await onlooker.presences.find(({ online }) => online);
    return { agent, onlooker };
  }

  /** Sends pictures one after the other, each after the answer to the one before. */
  async answerPictures(onlooker: Onlooker, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const from = onlooker.results.length;
      // Retained, so that the first one does not come before the agent listens.
      await onlooker.publish(`camera/bench-${this.#agents}`, this.#picture, i === 0);
      await onlooker.results.find(() => true, from);
    }
  }

  close(): Promise<void> {
    return this.site.close();
  }
}

/** The least, the median and the greatest of several runs. */
export function spread(
  subject: string,
  property: string,
  unit: string,
  values: readonly number[],
  note: string,
): readonly BenchFigure[] {
  const sorted = values.toSorted((a, b) => a - b);
  const figure = (which: string, at: number): BenchFigure => ({
    subject,
    metric: `${which}${property}${unit}`,
    value: Math.round(sorted[at] ?? NaN),
    note: `${note}; ${sorted.length} runs`,
  });
  return [figure('min', 0), figure('median', sorted.length >> 1), figure('max', sorted.length - 1)];
}
