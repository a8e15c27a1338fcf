import type {
  DeviceEvidence,
  EvidenceBlock,
  LateMinutes,
} from '../../../operator/verdict/evidence.js';
import { PairedAnswers, type Odds } from './paired-answers.js';
import type { Prng } from '../../../simulator/prng.js';

/** What a simulated device is like. */
export interface DeviceNature {
  /** While the challenger is in the shadow, and when it serves; the same where that is left out. */
  readonly shadow: Odds;
  readonly served?: Odds;
  /** Blocks it compares while the fastest compares one; 1 where it is left out. */
  readonly speed?: number;
  /** It compares nothing after so many ticks. */
  readonly diesAt?: number;
  /** Whether the challenger kills it as soon as it serves. */
  readonly diesServing?: boolean;
  readonly stratum?: string;
}

/** A device keeps so many blocks of each list. */
const fullList = 256;
/** A device that has not been heard for so many ticks since it was to serve is silent. */
const silentAfter = 3;

/** A device as far as evidence goes: lists of blocks that grow with time. */
export class SimulatedDevice {
  readonly id: string;
  readonly nature: DeviceNature;
  readonly shadow: EvidenceBlock[] = [];
  readonly served: EvidenceBlock[] = [];
  left: number | undefined;
  leftStep: number | undefined;
  /** The block at which it was named. */
  named: number | undefined;
  late: LateMinutes | undefined;
  readonly #answers: PairedAnswers;
  #done = 0;
  #servingFor = 0;
  /** Whether it was still there when it was to serve: who was not is away, and not silent. */
  #wasThere = false;
  #servedReports = 0;

  constructor(id: string, nature: DeviceNature, prng: Prng, correlation: number) {
    this.id = id;
    this.nature = nature;
    this.#answers = new PairedAnswers(prng, correlation);
  }

  /** Compares what it can until a tick, under one policy. */
  advance(tick: number, windows: number, policy: number, isServed: boolean): void {
    const serves = isServed && !this.isNamed;
    const { speed = 1, diesAt = Infinity, shadow, served = shadow } = this.nature;
    if (serves && this.#servingFor++ === 0) this.#wasThere = tick <= diesAt;
    const isDead = tick > diesAt || (serves && this.nature.diesServing === true);
    if (isDead) return;
    if (serves) this.#servedReports++;
    for (; this.#done < Math.floor(speed * tick); this.#done++) {
      const list = serves ? this.served : this.shadow;
      if (list.length >= fullList) continue;
      list.push(this.#answers.block(serves ? served : shadow, windows, policy, serves ? 1 : 0));
    }
  }

  /** Whether it was to serve, and nothing has come from it since. */
  get isSilent(): boolean {
    return this.#wasThere && this.#servingFor >= silentAfter && this.#servedReports === 0;
  }

  /** Whether it serves, and was not heard yet. */
  get isAwaited(): boolean {
    return this.#wasThere && this.#servedReports === 0 && !this.isSilent;
  }

  get isNamed(): boolean {
    return this.named !== undefined;
  }

  evidence(): DeviceEvidence {
    const { id, shadow, served, left, leftStep, named, late, isSilent: silent } = this;
    const { stratum } = this.nature;
    return {
      id,
      stratum,
      asked: true,
      present: true,
      silent,
      left,
      leftStep,
      named,
      late,
      shadow,
      served,
    };
  }
}
