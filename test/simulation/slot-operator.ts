import {
  everyone,
  shortestTrial,
  type ShadowTerms,
  type TrialTerms,
} from '../../protocol/documents/policy.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { Workshop } from '../../simulator/demo/workshop.js';
import { damages, type Damage, type Decision, type Model } from './happening.js';
import type { World, WorldPolicy } from './world.js';

/** What is decided about one slot of all devices. Releases of all slots are made of the same few files. */
export class SlotOperator {
  readonly slot: string;
  /** Good releases that a policy has named to serve. No other one may ever answer. */
  readonly mayServe = new Set<number>();
  readonly #world: World;
  readonly #workshop: Workshop;
  #sequence = 0;
  #epoch = 0;
  /** Releases that were to serve, in order; the last one is what the current policy names. */
  readonly #champions: ReleaseFile[] = [];
  #challenger: ReleaseFile | undefined;
  #trial: TrialTerms = shortestTrial;
  readonly #good = new Set<ReleaseFile>();

  constructor(world: World, slot: string) {
    this.#world = world;
    this.slot = slot;
    this.#workshop = world.createWorkshop(slot);
  }

  async decide(what: Decision): Promise<void> {
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
        this.mayServe.add(release.manifest.sequence);
        await this.#world.publishContent(release);
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
    }
  }

  /** Publishes a good release for everyone; returns its sequence number. */
  async publishGood(model: Model, trial: TrialTerms, unseen = false): Promise<number> {
    const release = this.#goodOne(await this.#build(model, unseen));
    await this.#serve(release, trial);
    return release.manifest.sequence;
  }

  async #build(model: Model, unseen = false): Promise<ReleaseFile> {
    const sequence = ++this.#sequence;
    const release = await (unseen
      ? this.#workshop.buildUnseen(model, sequence)
      : this.#workshop.build(model, sequence));
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
    if (this.#good.has(release)) this.mayServe.add(release.manifest.sequence);
    this.#champions.push(release);
    this.#trial = trial;
    await this.#world.publishContent(release);
    await this.#publishPolicy({ trial });
  }

  async #compare(release: ReleaseFile, exposure: number, shadow: ShadowTerms): Promise<void> {
    await this.#world.publishContent(release);
    await this.#publishPolicy({ arms: [{ release, exposure, shadow }], trial: this.#trial });
  }

  async #publishPolicy(wishes: WorldPolicy): Promise<void> {
    const champion = this.#champions.at(-1);
    if (champion !== undefined) await this.#world.publishPolicy(champion, wishes);
  }
}
