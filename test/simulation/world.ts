import {
  type ShadowTerms,
  shortestTrial,
  everyone,
  type Policy,
} from '../../protocol/documents/policy.js';
import { Prng } from '../../simulator/prng.js';
import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { createPlainCbor } from '../../agent/adapters/plain-cbor.js';
import { toHex } from '../../protocol/bytes.js';
import type { Manifest } from '../../protocol/documents/manifest.js';
import type { ReleaseRef } from '../../protocol/documents/release-ref.js';
import { createTopics, type DeviceTopic } from '../../protocol/topics.js';
import type { Message } from '../../agent/ports/transport.js';
import { takeTurns } from '../../operator/keys/folder-turn.js';
import { createKeyFolder, type KeyFolder } from '../../operator/keys/key-folder.js';
import { connectBroker } from '../../operator/publish/broker-client.js';
import {
  publishContent,
  publishRelease,
  type Publication,
} from '../../operator/publish/publish-release.js';
import { publishPolicy, renewBeacon } from '../../operator/publish/publish-policy.js';
import type { PublishTools } from '../../operator/publish/publish-tools.js';
import { sealRelease, type ReleaseTools } from '../../operator/release/build-release.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { describeTransfer } from '../../operator/release/split-blocks.js';
import { Workshop } from '../../simulator/demo/workshop.js';
import { ManualTime } from '../../simulator/ports/manual-time.js';
import { MemoryBroker } from '../../simulator/ports/memory-broker.js';
import { createMemoryTree, MemoryFiles } from '../../simulator/ports/memory-files.js';
import { MemoryLocks } from '../../simulator/ports/memory-locks.js';
import { createSeededKey } from '../../simulator/ports/seeded-key.js';
import { sampleWallMs, fixedKey } from '../helpers/documents.js';
import { slot } from './world-slot.js';
import { WorldDevice, type WorldDeviceOptions } from './world-device.js';

/** What a policy may say besides its champion. */
export interface WorldPolicy {
  readonly arms?: readonly {
    readonly release: ReleaseFile;
    readonly exposure?: number;
    /** Each of the eight bytes of the salt. */
    readonly salt?: number;
    readonly shadow?: ShadowTerms;
    readonly minBlocks?: number;
  }[];
  readonly promoted?: number;
  readonly trial?: Policy['trial'];
  readonly gate?: Policy['gate'];
  readonly evidence?: Policy['evidence'];
  /** What devices that stay aside run, where the rest is like a fallback of a policy. */
  readonly fallback?: {
    readonly release: ReleaseFile;
    readonly minBlocks?: number;
    readonly holdout?: number;
  };
}

/**
 * A small world for tests: the real operator on files in memory, a broker in memory, and devices that are the real
 * core and the real runtime with the real inference core, all in a time that passes when the test says so.
 */
export class World {
  readonly time = new ManualTime(sampleWallMs);
  readonly topics = createTopics('tinylamp');
  /** The chance of all devices, in the order of their starts. */
  readonly entropy = Prng.fromSeed(1);
  /** Every message that the broker accepted, in order. */
  readonly messages: Message[] = [];
  /** Called with each message; a test exchanges it to act in the middle of something. */
  onMessage: (message: Message) => void = () => undefined;
  readonly broker = new MemoryBroker((message) => {
    this.messages.push(message);
    this.onMessage(message);
  });
  /** What the operator was told of the broker. */
  readonly notices: string[] = [];
  /** Whether the operator goes on from what the broker shows. */
  takeOver = false;
  /** The disk of the operator, its files as a process sees them that nobody kills, and the locks. */
  readonly tree = createMemoryTree();
  readonly files = new MemoryFiles(this.tree);
  readonly locks = new MemoryLocks();
  readonly keyFolder = '/keys';
  keys: KeyFolder;
  readonly workshop: Workshop;
  readonly core: WebAssembly.Module;
  readonly #devices: WorldDevice[] = [];

  private constructor(core: WebAssembly.Module) {
    this.core = core;
    const key = createSeededKey('the operator');
    this.keys = createKeyFolder(this.files, this.keyFolder, key, sampleWallMs);
    this.workshop = this.createWorkshop(slot);
  }

  static async create(): Promise<World> {
    return new World(await compileWasmCore());
  }

  /** Ends everything. Throws where a device broke an invariant. */
  end(): void {
    for (const device of this.#devices) device.losePower();
    for (const { failure } of this.#devices) if (failure !== undefined) throw failure;
  }

  /** What builds a release for the devices of this world. */
  get tools(): ReleaseTools {
    return {
      engine: createInProcessEngine(this.core),
      crypto: createNodeCrypto(),
      key: this.keys.key,
    };
  }

  /** Makes a workshop for the releases of one slot. */
  createWorkshop(ofSlot: string): Workshop {
    return new Workshop({
      ...this.tools,
      stranger: fixedKey(99),
      slot: ofSlot,
    });
  }

  /** Makes a device that is switched off; every call with the same disk is the same machine. */
  createDevice(options: WorldDeviceOptions = {}): WorldDevice {
    const device = new WorldDevice(this, options);
    this.#devices.push(device);
    return device;
  }

  /** Takes the power of a device that is not needed any more. Throws where it broke an invariant. */
  scrap(device: WorldDevice): void {
    device.losePower();
    this.#devices.splice(this.#devices.indexOf(device), 1);
    if (device.failure !== undefined) throw device.failure;
  }

  /** Makes a device and switches it on. */
  startDevice(options?: WorldDeviceOptions): WorldDevice {
    const device = this.createDevice(options);
    device.start();
    return device;
  }

  /** Publishes a release to everyone, as the operator's command does. */
  publish(release: ReleaseFile, trial = shortestTrial): Promise<Publication> {
    return this.#asOperator((tools) => publishRelease(release, tools, trial));
  }

  /** Publishes what a policy may name later: blocks and manifest. */
  async publishContent(release: ReleaseFile): Promise<void> {
    await this.#asOperator((tools) => publishContent(release, tools));
  }

  /** Publishes the next policy of the slot of these releases. What is left out is as in a policy without experiments. */
  async publishPolicy(champion: ReleaseFile, wishes: WorldPolicy = {}): Promise<void> {
    const { arms = [], promoted, trial = shortestTrial, gate, evidence, fallback } = wishes;
    const content: Omit<Policy, 'version'> = {
      slot: champion.manifest.slot,
      champion: referenceTo(champion),
      arms: arms.map(({ release, exposure = everyone, salt = 0, shadow, minBlocks }, i) => ({
        name: `arm ${i + 1}`,
        release: referenceTo(release),
        exposure,
        salt: new Uint8Array(8).fill(salt),
        shadow,
        minBlocks,
      })),
      promoted,
      trial,
      gate,
      evidence,
      fallback: fallback && {
        release: referenceTo(fallback.release),
        salt: new Uint8Array(8),
        minBlocks: fallback.minBlocks ?? 0,
        holdout: fallback.holdout ?? 0,
      },
    };
    await this.#asOperator((tools) => publishPolicy(content, tools));
  }

  /** Publishes the next beacon, as the operator's command does. */
  async renewBeacon(): Promise<void> {
    await this.#asOperator((tools) => renewBeacon(tools));
  }

  /** Builds one of the demo's models as a release, and publishes it. */
  async release(model: 'vibration-v1' | 'vibration-v2', sequence: number): Promise<ReleaseFile> {
    const release = await this.workshop.build(model, sequence);
    await this.publish(release);
    return release;
  }

  /** The same release with much beside its model, in the smallest blocks, so that there are many of them. */
  inManyBlocks(release: ReleaseFile): ReleaseFile {
    const { manifest, artifacts } = release;
    const reference = Uint8Array.from({ length: 40_000 }, (_, i) => (i * manifest.sequence) >> 4);
    const [model] = manifest.artifacts;
    if (model === undefined) throw new Error('a release has a model');
    const named = [
      ...manifest.artifacts,
      { ...model, role: 'reference' as const, name: 'reference.bin' },
    ];
    return this.withArtifacts({ ...release, manifest: { ...manifest, artifacts: named } }, [
      ...artifacts,
      reference,
    ]);
  }

  /** The same release with other fields in its manifest, signed. */
  withManifest({ manifest, artifacts }: ReleaseFile, change: Partial<Manifest>): ReleaseFile {
    return sealRelease({ ...manifest, ...change }, artifacts, this.keys.key);
  }

  /** A release of other bytes under the same names, signed. */
  withArtifacts({ manifest }: ReleaseFile, artifacts: readonly Uint8Array[]): ReleaseFile {
    const described = manifest.artifacts.map((artifact, i) => {
      const bytes = artifacts[i] ?? new Uint8Array();
      const transfer = describeTransfer(bytes, 4096, createNodeCrypto());
      return { ...artifact, digest: transfer.digest, size: bytes.length, transfers: [transfer] };
    });
    return sealRelease({ ...manifest, artifacts: described }, artifacts, this.keys.key);
  }

  /** The topic of a block of the model of a release. */
  blockTopic({ manifest }: ReleaseFile, block: number): string {
    const [model] = manifest.artifacts;
    return this.topics.block(toHex(model?.digest ?? new Uint8Array()), block);
  }

  /** Lets time pass until a promise settles. */
  async carryThrough<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    for (let i = 0; i < 1000; i++) {
      await this.time.settle();
      if (settled) break;
      await this.time.advance(100);
    }
    if (!settled) throw new Error('it takes more than a hundred seconds');
    return promise;
  }

  /** Does what the operator's commands do, over a session of their own. */
  #asOperator<T>(work: (tools: PublishTools) => Promise<T>): Promise<T> {
    const scheduler = this.time.createScheduler();
    const transport = this.broker.createTransport({ scheduler, spoolBytes: 1e6 });
    return this.carryThrough(
      connectBroker(transport, scheduler).then(async (client) => {
        const done = await work({
          client,
          topics: this.topics,
          keys: this.keys,
          exclusively: takeTurns(this.locks.createProcess().tryLock, this.keyFolder, scheduler),
          crypto: createNodeCrypto(),
          wallMs: this.time.wallMs(),
          randomBytes: (length) => new Uint8Array(length),
          progress: () => undefined,
          notice: (message) => {
            this.notices.push(message);
          },
          takeOver: this.takeOver,
        });
        await client.close();
        return done;
      }),
    );
  }

  /** What devices published on their topics of one kind, decoded, in order, from a message on. */
  heard(channel: DeviceTopic['channel'], deviceId?: string, from = 0, ofSlot?: string): unknown[] {
    return this.messages.slice(from).flatMap(({ topic, payload }) => {
      const about = this.topics.parseDevice(topic);
      if (about?.channel !== channel) return [];
      if (deviceId !== undefined && about.deviceId !== deviceId) return [];
      if (ofSlot !== undefined && about.slot !== ofSlot) return [];
      const isJson = payload[0] === 0x7b;
      if (isJson) return [JSON.parse(new TextDecoder().decode(payload)) as unknown];
      return [createPlainCbor().decode(payload)];
    });
  }
}

function referenceTo({ manifest, envelope }: ReleaseFile): ReleaseRef {
  return { sequence: manifest.sequence, manifest: createNodeCrypto().sha256(envelope) };
}
