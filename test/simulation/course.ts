import { shortestTrial, type TrialTerms, everyone } from '../../protocol/documents/policy.js';
import assert from 'node:assert/strict';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { InferenceFault } from '../../simulator/ports/faulty-engine.js';
import type { StorageFault } from '../../simulator/ports/memory-storage.js';
import {
  damages,
  type Damage,
  type EngineTrouble,
  type Happening,
  type Model,
} from './happening.js';
import { Witness } from './witness.js';
import type { World, WorldPolicy } from './world.js';
import type { WorldDevice } from './world-device.js';

const labelsTopic = 'factory/press-7/truth';
const noTrouble: EngineTrouble = { inferences: 0, whose: 'any', slowMs: 0, then: 'none' };

/** The life of one device: does what happens to it, and lets a witness watch. */
export class Course {
  readonly witness: Witness;
  device: WorldDevice;
  readonly #world: World;
  #sequence = 0;
  #epoch = 0;
  /** Windows of this start whose true label was published. */
  readonly labelled = new Set<number>();
  /** Releases that were to serve, in order; the last one is what the current policy names. */
  readonly #champions: ReleaseFile[] = [];
  #challenger: ReleaseFile | undefined;
  #trial: TrialTerms = shortestTrial;
  readonly #good = new Set<ReleaseFile>();
  #cutAt = Infinity;
  #failingOperations = 0;
  #trouble = noTrouble;

  constructor(world: World) {
    this.#world = world;
    this.witness = new Witness(world);
    this.device = this.#start(undefined);
  }

  async happen(what: Happening): Promise<void> {
    const world = this.#world;
    switch (what.kind) {
      case 'good release':
        this.#epoch += what.epochs;
        await this.publishGood(what.model, what.trial, what.unseen);
        break;
      case 'bad release':
        await this.#serve(this.#damaged(await this.#build('vibration-v2'), what.damage));
        break;
      case 'previous release': {
        const previous = this.#champions.at(-2);
        if (previous !== undefined) await this.#serve(previous);
        break;
      }
      case 'comparison': {
        const { challenger, windows, budgetPermille, exposure } = what;
        if (challenger !== 'again' || this.#challenger === undefined) {
          const fresh = await this.#build('vibration-v2', true);
          this.#challenger =
            challenger === 'fresh' || challenger === 'again'
              ? this.#goodOne(fresh)
              : this.#damaged(fresh, challenger);
        }
        await this.#compare(this.#challenger, exposure, { windows, budgetPermille });
        break;
      }
      case 'arm': {
        const release = this.#goodOne(await this.#build('vibration-v1', true));
        this.witness.mayServe.add(release.manifest.sequence);
        await world.publishContent(release);
        await this.#publishPolicy({
          arms: [{ release, exposure: what.exposure }],
          trial: what.trial,
        });
        break;
      }
      case 'challenger wins':
        if (this.#challenger !== undefined) await this.#serve(this.#challenger, what.trial);
        break;
      case 'trial becomes comparison': {
        const tried = this.#champions.at(-1);
        const before = this.#champions.at(-2);
        if (tried === undefined || before === undefined) break;
        this.#champions.pop();
        this.#challenger = tried;
        await this.#compare(tried, everyone, { windows: 20, budgetPermille: 1_000 });
        break;
      }
      case 'promotion': {
        const champion = this.#champions.at(-1);
        // The operator's tools promote nothing that their keys have not signed.
        if (champion === undefined || !this.#good.has(champion)) break;
        const promoted = champion.manifest.sequence;
        await this.#publishPolicy({ promoted, trial: this.#trial });
        break;
      }
      case 'experiment withdrawn':
        await this.#publishPolicy({ trial: this.#trial });
        break;
      case 'power cut':
        this.device.losePower();
        await world.time.advance(what.offMs);
        if (what.aloneMs > 0) world.broker.stop();
        this.device = this.#start(this.device);
        await world.time.advance(what.aloneMs);
        world.broker.start();
        break;
      case 'power cut at operation':
        this.#cutAt = what.operation;
        await world.time.advance(3_000);
        this.#cutAt = Infinity;
        this.device.losePower();
        this.device = this.#start(this.device);
        break;
      case 'sessions cut':
        world.broker.cutSessions();
        break;
      case 'broker away':
        world.broker.stop();
        await world.time.advance(what.forMs);
        world.broker.start();
        break;
      case 'storage fails':
        this.#failingOperations = what.operations;
        break;
      case 'engine fails':
        this.#trouble = what;
        break;
      case 'block lost': {
        const block = [...world.broker.retained.keys()].find((topic) => topic.includes('/blocks/'));
        if (block !== undefined) world.broker.retained.delete(block);
        break;
      }
      case 'labels':
        for (const { boot, window } of this.device.results.slice(-what.windows)) {
          this.labelled.add(window);
          const payload = new TextEncoder().encode(
            JSON.stringify({ boot, window, label: what.label }),
          );
          // QoS 1 may bring a message twice.
          for (let i = 0; i < 2; i++) {
            world.broker.publish({ topic: labelsTopic, payload, retained: false });
          }
        }
        await world.time.settle();
        break;
      case 'silence':
        this.witness.silenced();
        this.device.silent = true;
        await world.time.advance(what.forMs);
        this.device.silent = false;
        break;
      case 'time':
        await world.time.advance(what.ms);
        break;
    }
    this.check();
  }

  /** Publishes a good release for everyone; returns its sequence number. */
  async publishGood(model: Model, trial: TrialTerms, unseen = false): Promise<number> {
    const release = this.#goodOne(await this.#build(model, unseen));
    await this.#serve(release, trial);
    return release.manifest.sequence;
  }

  endFaults(): void {
    this.#failingOperations = 0;
    this.#trouble = noTrouble;
  }

  /** Throws where something happened that must never happen. */
  check(): void {
    this.witness.lookAround();
    const { violations } = this.witness;
    assert.deepEqual(
      violations,
      [],
      `${violations[0]}\n${this.device.story.slice(-30).join('\n')}`,
    );
  }

  async #build(model: Model, unseen = false): Promise<ReleaseFile> {
    const { workshop } = this.#world;
    const sequence = ++this.#sequence;
    const release = await (unseen
      ? workshop.buildUnseen(model, sequence)
      : workshop.build(model, sequence));
    return this.#world.withManifest(release, { epoch: this.#epoch });
  }

  #damaged(release: ReleaseFile, damage: Damage): ReleaseFile {
    const damaged = damages[damage](this.#world, release);
    // A block is damaged on its way: as soon as somebody publishes the right one, the release is good.
    return damage === 'block' ? this.#goodOne(damaged) : damaged;
  }

  #goodOne(release: ReleaseFile): ReleaseFile {
    this.#good.add(release);
    return release;
  }

  /** Names a release for everyone. */
  async #serve(release: ReleaseFile, trial = shortestTrial): Promise<void> {
    if (this.#good.has(release)) this.witness.mayServe.add(release.manifest.sequence);
    this.#champions.push(release);
    this.#trial = trial;
    await this.#world.publishContent(release);
    await this.#publishPolicy({ trial });
  }

  async #compare(
    release: ReleaseFile,
    exposure: number,
    shadow: { readonly windows: number; readonly budgetPermille: number },
  ): Promise<void> {
    await this.#world.publishContent(release);
    await this.#publishPolicy({ arms: [{ release, exposure, shadow }], trial: this.#trial });
  }

  async #publishPolicy(wishes: WorldPolicy): Promise<void> {
    const champion = this.#champions.at(-1);
    if (champion !== undefined) await this.#world.publishPolicy(champion, wishes);
  }

  #start(before: WorldDevice | undefined): WorldDevice {
    let operations = 0;
    const device: WorldDevice = this.#world.createDevice({
      ...(before && { disk: before.disk }),
      labelsTopic,
      beforeOperation: (): StorageFault => {
        this.witness.look();
        if (++operations >= this.#cutAt) return 'stop';
        if (this.#failingOperations === 0) return 'go';
        this.#failingOperations--;
        this.witness.diskFails();
        return 'fail';
      },
      beforeInference: (handle) => this.#inference(device, handle),
    });
    this.labelled.clear();
    this.witness.starting(device);
    device.start();
    return device;
  }

  #inference({ engine }: WorldDevice, handle: number): InferenceFault {
    const { inferences, whose, slowMs, then } = this.#trouble;
    if (inferences === 0) return 'none';
    if (whose === 'newest' && handle !== Math.max(...engine.loaded)) return 'none';
    this.witness.engineFails();
    this.#trouble = { ...this.#trouble, inferences: inferences - 1 };
    if (slowMs === 0) return then;
    return then === 'none' ? { slowMs } : { slowMs, then };
  }
}
