import {
  type EvidenceTerms,
  type ShadowTerms,
  shortestTrial,
  type TrialTerms,
  everyone,
} from '../../protocol/documents/policy.js';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import type { ReleaseRef } from '../../protocol/documents/release-ref.js';
import { createTopics } from '../../protocol/topics.js';
import { takeTurns } from '../../operator/keys/folder-turn.js';
import { createKeyFolder, type KeyFolder } from '../../operator/keys/key-folder.js';
import { publishPolicy } from '../../operator/publish/publish-policy.js';
import type { PublishTools } from '../../operator/publish/publish-tools.js';
import { publishContent, publishRelease } from '../../operator/publish/publish-release.js';
import {
  buildRelease,
  sealRelease,
  type ReleaseTools,
} from '../../operator/release/build-release.js';
import { parsePipelineFile } from '../../operator/release/pipeline-file.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { Prng } from '../../simulator/prng.js';
import type { Condition } from '../../simulator/signals/condition.js';
import { environments, type Environment } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import { startAgent, type AgentProcess } from './agent-process.js';
import { openBrokerSession } from './broker-session.js';
import { startMosquitto, type Mosquitto } from './mosquitto.js';
import { Onlooker } from './onlooker.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';
import { tryFolderLock } from '../../operator/adapters/folder-lock.js';
import { systemRandomBytes } from '../../operator/adapters/random-bytes.js';
import { generateSigningKey } from '../../agent/adapters/signing-key.js';

/** The models that come with the demo. */
export type DemoModel = 'vibration-v1' | 'vibration-v2';

const crypto = createNodeCrypto();

/** What a site needs of its broker. */
interface Broker {
  readonly url: string;
  stop(): Promise<void>;
}

/** A broker, an operator with keys, and a gateway with one vibration sensor, all real and in one folder. */
export class Site<B extends Broker = Mosquitto> {
  readonly deviceId = 'press-7';
  readonly slot = 'vibration';
  readonly sensorTopic = 'sensors/press-7/accel';
  readonly folder: string;
  readonly broker: B;
  readonly keys: KeyFolder;
  readonly stateDir: string;
  readonly configFile: string;
  readonly #models: ReadonlyMap<DemoModel, ReleaseFile>;

  private constructor(
    folder: string,
    broker: B,
    keys: KeyFolder,
    models: ReadonlyMap<DemoModel, ReleaseFile>,
  ) {
    this.folder = folder;
    this.broker = broker;
    this.keys = keys;
    this.#models = models;
    this.stateDir = path.join(folder, 'state');
    this.configFile = path.join(folder, 'agent.yaml');
    this.configure();
  }

  static async open(): Promise<Site>;
  static async open<B extends Broker>(broker: Promise<B>): Promise<Site<B>>;
  static async open(broker: Promise<Broker> = startMosquitto()): Promise<Site<Broker>> {
    const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-site-'));
    const keys = createKeyFolder(
      createDiskFiles(),
      path.join(folder, 'keys'),
      generateSigningKey(),
      Date.now(),
    );
    const models = new Map<DemoModel, ReleaseFile>();
    for (const model of ['vibration-v1', 'vibration-v2'] as const) {
      models.set(model, await buildDemoRelease(model, keys));
    }
    return new Site(folder, await broker, keys, models);
  }

  /** Writes the agent's configuration, by default for the broker of this site. */
  configure({
    url = this.broker.url,
    protocol = 'auto',
    periodMs = 1_000,
    truthTopic = '',
    captureBytesPerDay = 0,
    decode = 'decode: json, fields: [/x, /y, /z]',
  } = {}): void {
    writeFileSync(
      this.configFile,
      `deviceId: ${this.deviceId}
stateDir: state
mqtt: {url: "${url}", protocol: ${protocol}}
trust: {keyset: keys/keyset.cbor}
slots:
  ${this.slot}:
    source: {type: mqtt, topic: ${this.sensorTopic}, ${decode}}
    limits: {periodMs: ${periodMs}}
    capture: {bytesPerDay: ${captureBytesPerDay}}
${truthTopic === '' ? '' : `    truth: {type: mqtt, topic: ${truthTopic}}\n`}`,
    );
  }

  startAgent(): AgentProcess {
    return startAgent(this.configFile);
  }

  watch(deviceId = this.deviceId): Promise<Onlooker> {
    return Onlooker.of(this.broker.url, deviceId, this.slot);
  }

  /** A release of a demo model under another sequence number, signed. */
  release(model: DemoModel, sequence: number): ReleaseFile {
    const built = this.#models.get(model);
    if (built === undefined) throw new Error(`there is no ${model}`);
    return sealRelease({ ...built.manifest, sequence }, built.artifacts, this.keys.key);
  }

  /** Publishes as `tinylamp publish` does, in a session of its own; `progress` hears what comes next. */
  async publish(
    release: ReleaseFile,
    progress: (message: string) => void = () => undefined,
    trial: TrialTerms = shortestTrial,
  ): Promise<void> {
    await this.#operate(progress, (tools) => publishRelease(release, tools, trial));
  }

  /** Publishes a policy that names a release for everyone, whose blocks and manifest are there already. */
  async decide(release: ReleaseFile, promoted: number | undefined): Promise<void> {
    const { sequence } = release.manifest;
    const champion = { sequence, manifest: crypto.sha256(release.envelope) };
    const { slot } = this;
    const content = { slot, champion, arms: [], promoted, trial: shortestTrial, gate: undefined };
    await this.#operate(
      () => undefined,
      (tools) => publishPolicy(content, tools),
    );
  }

  /** Publishes a release that everyone compares with the champion on live windows. */
  async compare(
    champion: ReleaseFile,
    challenger: ReleaseFile,
    shadow: ShadowTerms,
    evidence?: EvidenceTerms,
  ): Promise<void> {
    const { slot } = this;
    const refer = ({ manifest, envelope }: ReleaseFile): ReleaseRef => ({
      sequence: manifest.sequence,
      manifest: crypto.sha256(envelope),
    });
    const arm = {
      name: 'shadow',
      release: refer(challenger),
      exposure: everyone,
      salt: new Uint8Array(8),
      shadow,
    };
    await this.#operate(
      () => undefined,
      async (tools) => {
        await publishContent(challenger, tools);
        await publishPolicy(
          {
            slot,
            champion: refer(champion),
            arms: [arm],
            promoted: undefined,
            trial: shortestTrial,
            gate: undefined,
            evidence,
          },
          tools,
        );
      },
    );
  }

  async #operate(
    progress: (message: string) => void,
    run: (tools: PublishTools) => Promise<unknown>,
  ): Promise<void> {
    const client = await openBrokerSession(this.broker.url);
    try {
      await run({
        client,
        topics: createTopics('tinylamp'),
        keys: this.keys,
        exclusively: takeTurns(
          tryFolderLock,
          path.join(this.folder, 'keys'),
          createCronScheduler(),
        ),
        crypto,
        wallMs: Date.now(),
        randomBytes: systemRandomBytes,
        progress,
        notice: () => undefined,
      });
    } finally {
      await client.close();
    }
  }

  async close(): Promise<void> {
    await this.broker.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A sensor that sends one window of samples whenever it is asked to. */
export class WindowSender {
  readonly #signal: VibrationSignal;
  readonly #values = new Float32Array(256 * 3);

  constructor(
    condition: Condition,
    seed: number,
    environment: Environment = environments.laboratory,
  ) {
    this.#signal = new VibrationSignal(environment, condition, Prng.fromSeed(seed));
  }

  /** The samples of the next window as the sensor's JSON. */
  next(): string {
    this.#signal.next(this.#values);
    const axis = (offset: number): number[] =>
      Array.from({ length: 256 }, (_, i) => Number((this.#values[i * 3 + offset] ?? 0).toFixed(5)));
    return JSON.stringify({ x: axis(0), y: axis(1), z: axis(2) });
  }
}

/** What builds a release that devices with these keys believe. */
export async function createTools({ key }: KeyFolder): Promise<ReleaseTools> {
  return { engine: createInProcessEngine(await compileWasmCore()), crypto, key };
}

async function buildDemoRelease(model: DemoModel, keys: KeyFolder): Promise<ReleaseFile> {
  const read = (name: string): Buffer =>
    readFileSync(new URL(import.meta.resolve(`#demo-models/${name}`)));
  const pipeline = read('pipeline.json').toString('utf8');
  return buildRelease(
    {
      model: new Uint8Array(read(`${model}.tflite`)),
      labels: read('labels.txt').toString('utf8').trim().split('\n'),
      pipeline: (models) => parsePipelineFile(pipeline, models),
      slot: 'vibration',
      name: model,
      version: '',
      sequence: 1,
      epoch: 0,
    },
    await createTools(keys),
  );
}
