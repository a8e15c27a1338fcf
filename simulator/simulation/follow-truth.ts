import { openSign1 } from '../../protocol/cose/sign1.js';
import { parseDisagreements, type Disagreements } from '../../protocol/messages/disagreements.js';
import type { DeviceLog } from './device-log.js';
import type { RolloutLog } from './rollout-log.js';
import type { AcceptedResult } from './simulation.js';

/** Follows how often the challengers of rollouts are right, and what devices compare by themselves. */
export class TruthFollower {
  readonly #rollouts: ReadonlyMap<string, RolloutLog>;

  constructor(rollouts: ReadonlyMap<string, RolloutLog>) {
    this.#rollouts = rollouts;
  }

  /** Sequence numbers of challengers that serve, with those of their champions; once one is promoted, nobody compares any more. */
  open(): (readonly [challenger: number, champion: number])[] {
    return [...this.#rollouts.values()].flatMap(({ sequence, ends, rollout }) =>
      rollout === undefined || ends === 'promoted'
        ? []
        : [[sequence, rollout.champion.sequence] as const],
    );
  }

  /** A result was heard. */
  heard({ result, truth, other }: AcceptedResult): void {
    for (const log of this.#rollouts.values()) {
      if (result.sequence !== log.sequence) continue;
      log.windowsServed++;
      if (truth === undefined || other === undefined) continue;
      log.wrong += Number(result.label !== truth) - Number(other !== truth);
    }
  }

  /** A device wants this published; before anybody on its way can lie about it. */
  compared(
    deviceId: string,
    { windows }: DeviceLog,
    channel: 'evidence' | 'disagreements',
    bytes: Uint8Array,
  ): void {
    if (channel === 'evidence') {
      [...this.#rollouts.values()].at(-1)?.truth.compared(deviceId, bytes);
      return;
    }
    const said = readDisagreements(bytes);
    for (const rollout of this.#rollouts.values()) {
      if (said?.challenger.sequence !== rollout.sequence) continue;
      rollout.truth.differed(said, (window) => windows.truthOf(window));
    }
  }
}

/** What a device has said of windows on which two releases differ; undefined where it is nothing of the kind. */
export function readDisagreements(envelope: Uint8Array): Disagreements | undefined {
  const opened = openSign1(envelope, 'disagreements');
  const parsed = opened.ok ? parseDisagreements(opened.value.payload) : opened;
  return parsed.ok ? parsed.value : undefined;
}
