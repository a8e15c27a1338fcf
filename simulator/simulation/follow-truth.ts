import { openSign1 } from '../../protocol/cose/sign1.js';
import { parseDisagreements, type Disagreements } from '../../protocol/messages/disagreements.js';
import type { BehaviourOf } from '../devices/simulated-engine.js';
import type { BuiltRelease } from '../people/releases.js';
import type { RolloutLog } from './rollout-log.js';
import type { AcceptedResult, SimulatedMember, Simulation } from './simulation.js';
import { servingOn } from './terms.js';
import { Twin } from './twin.js';

/** What the truth of a rollout is taken from. */
export interface TruthSources {
  readonly simulation: Simulation;
  readonly rollouts: ReadonlyMap<string, RolloutLog>;
  /** In the order of their sequence numbers, from 1. */
  readonly releases: readonly BuiltRelease[];
  readonly behaviourOf: (deviceId: string) => BehaviourOf;
}

/**
 * Asks for each window that a challenger serves what its champion would have answered, and follows what devices compare by
 * themselves. The devices know nothing of it.
 */
export class TruthFollower {
  readonly #sources: TruthSources;
  /** A champion on each device that a challenger serves, by its sequence number and the device. */
  readonly #twins = new Map<string, Twin>();

  constructor(sources: TruthSources) {
    this.#sources = sources;
  }

  /** What the champion of a rollout would answer, where its challenger serves. */
  askChampion(member: SimulatedMember, values: Float32Array): string | undefined {
    const log = this.#open(servingOn(member.host.record));
    const champion = log?.rollout?.champion.sequence;
    if (champion === undefined) return undefined;
    const { deviceId } = member.host;
    const key = `${champion}/${deviceId}`;
    let twin = this.#twins.get(key);
    if (twin === undefined) {
      const { releases, simulation, behaviourOf } = this.#sources;
      const built = releases[champion - 1];
      if (built === undefined) return undefined;
      twin = new Twin(built.file, simulation.pool, behaviourOf(deviceId));
      this.#twins.set(key, twin);
    }
    return twin.answer(values);
  }

  /** A result was heard. */
  heard({ result, truth, other }: AcceptedResult): void {
    for (const log of this.#sources.rollouts.values()) {
      if (result.sequence !== log.sequence) continue;
      log.windowsServed++;
      if (truth === undefined || other === undefined) continue;
      log.wrong += Number(result.label !== truth) - Number(other !== truth);
    }
  }

  /** A device wants something published; before anybody on its way can lie about it. */
  published({ host, log }: SimulatedMember, channel: string | undefined, bytes: Uint8Array): void {
    if (channel === 'evidence') {
      [...this.#sources.rollouts.values()].at(-1)?.truth.compared(host.deviceId, bytes);
    } else if (channel === 'disagreements') {
      const said = readDisagreements(bytes);
      for (const rollout of this.#sources.rollouts.values()) {
        if (said?.challenger.sequence !== rollout.sequence) continue;
        rollout.truth.differed(said, (window) => log.windows.truthOf(window));
      }
    }
  }

  /** The rollout whose challenger serves a device; once it is promoted, nobody compares any more. */
  #open(sequence: number | undefined): RolloutLog | undefined {
    for (const log of this.#sources.rollouts.values())
      if (log.sequence === sequence && log.ends !== 'promoted') return log;
    return undefined;
  }
}

/** What a device has said of windows on which two releases differ; undefined where it is nothing of the kind. */
export function readDisagreements(envelope: Uint8Array): Disagreements | undefined {
  const opened = openSign1(envelope, 'disagreements');
  const parsed = opened.ok ? parseDisagreements(opened.value.payload) : opened;
  return parsed.ok ? parsed.value : undefined;
}
