import type { Rollout } from '../../operator/rollout/rollout.js';
import type { VerdictRecord } from '../../operator/rollout/verdict-record.js';
import { RolloutTruth } from './rollout-truth.js';

/** How a rollout of a scenario ended, or stands. */
export type RolloutEnd = 'promoted' | 'aborted' | 'reverted' | 'held' | 'running';

/** What a run knows of one rollout. */
export class RolloutLog {
  readonly name: string;
  readonly release: string;
  /** The sequence number of its challenger. */
  readonly sequence: number;
  readonly beganMs: number;
  rollout: Rollout | undefined;
  last: VerdictRecord | undefined;
  /** When the last verdict was. */
  atMs: number | undefined;
  /** Windows that the challenger answered. */
  windowsServed = 0;
  /** Of them, how many more it got wrong than the champion would have. */
  wrong = 0;
  readonly truth: RolloutTruth;

  constructor(name: string, release: string, sequence: number, beganMs: number) {
    this.name = name;
    this.release = release;
    this.sequence = sequence;
    this.beganMs = beganMs;
    this.truth = new RolloutTruth(sequence);
  }

  get ends(): RolloutEnd {
    switch (this.rollout?.status) {
      case 'promoted':
        return 'promoted';
      case 'aborted':
        return this.last?.action === 'revert' ? 'reverted' : 'aborted';
      case 'held':
        return 'held';
      default:
        return 'running';
    }
  }

  /** What the last verdict was about; undefined before the first. */
  get reason(): string | undefined {
    if (this.last === undefined) return undefined;
    const { action, inputs, judgement } = this.last;
    if (inputs.by === 'operator') return 'request';
    if (action === 'hold' || action === 'revert') return 'horizon';
    const { guardrail } = judgement;
    if (guardrail === null) return undefined;
    if (guardrail !== 'lost-devices') return reasons[guardrail] ?? guardrail;
    // It counts two things: the reason is the one of which there is more.
    const failed = Object.keys(this.rollout?.failed ?? {}).length;
    return failed > 0 ? 'failed' : 'silent';
  }
}

/** The words of the scenario contract for guardrails. */
const reasons: Readonly<Record<string, string>> = {
  'mean-loss': 'loss',
  'label-free': 'loss',
  'served-loss': 'served',
  'named-devices': 'named',
  'silence-ratio': 'silent',
  'late-answers': 'late',
  strata: 'strata',
};
