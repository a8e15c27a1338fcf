import type { BehaviourOf } from '../devices/simulated-engine.js';
import type { ModelPool } from '../devices/model-pool.js';
import type { BuiltRelease } from '../people/releases.js';
import { servingOn, type SimulatedMember } from './member.js';
import { Twin } from './twin.js';

/** Asks for each window that a challenger serves what its champion would have answered. The devices know nothing of it. */
export class Twins {
  /** Sequence numbers of challengers that serve, with those of their champions. */
  open: readonly (readonly [challenger: number, champion: number])[] = [];
  readonly #releases: readonly BuiltRelease[];
  readonly #pool: ModelPool;
  readonly #behaviourOf: (deviceId: string) => BehaviourOf;
  /** A champion on each device that a challenger serves, by its sequence number and the device. */
  readonly #twins = new Map<string, Twin>();

  /** @param releases in the order of their sequence numbers, from 1 */
  constructor(
    releases: readonly BuiltRelease[],
    pool: ModelPool,
    behaviourOf: (deviceId: string) => BehaviourOf,
  ) {
    this.#releases = releases;
    this.#pool = pool;
    this.#behaviourOf = behaviourOf;
  }

  /** What the champion of a rollout would answer, where its challenger serves. */
  ask({ host }: SimulatedMember, values: Float32Array): string | undefined {
    if (this.open.length === 0) return undefined;
    const serving = servingOn(host.record);
    const champion = this.open.find(([challenger]) => challenger === serving)?.[1];
    if (champion === undefined) return undefined;
    const { deviceId } = host;
    const key = `${champion}/${deviceId}`;
    let twin = this.#twins.get(key);
    if (twin === undefined) {
      const built = this.#releases[champion - 1];
      if (built === undefined) return undefined;
      twin = new Twin(built.file, this.#pool, this.#behaviourOf(deviceId));
      this.#twins.set(key, twin);
    }
    return twin.answer(values);
  }
}
