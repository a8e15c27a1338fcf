import {
  defaultTerms,
  type StepContext,
  type VerdictTerms,
} from '../../../operator/verdict/evidence.js';
import { judge as productJudge } from '../../../operator/verdict/judge.js';
import type { Judgement } from '../../../operator/verdict/judgement.js';
import type { Prng } from '../../../simulator/prng.js';
import { SimulatedDevice, type DeviceNature } from './simulated-device.js';

/** How a rollout over simulated devices is run. */
export interface RolloutPlan {
  readonly terms?: Partial<VerdictTerms>;
  /** Correlation of neighbouring windows. */
  readonly correlation?: number;
  /** Ticks until the rollout is given up as undecided; a tick is a block of the fastest device. */
  readonly mostTicks?: number;
  /** The same for each step of the ramp. */
  readonly mostStepTicks?: number;
  /** When somebody looks; after each tick where it is left out. */
  readonly looksAt?: (tick: number) => boolean;
  /** What judges; another one than the product's is a planted mistake. */
  readonly judge?: typeof productJudge;
  /** Called before each look, for what else happens to devices. */
  readonly beforeLook?: (devices: readonly SimulatedDevice[], tick: number) => void;
}

export interface Outcome {
  readonly verdict: 'safe' | 'harm' | 'open';
  /** Windows that the fastest device had compared. */
  readonly windows: number;
  readonly judgement: Judgement;
}

/** The fleet of one run. */
export function makeFleet(
  size: number,
  natureOf: (index: number) => DeviceNature,
  prng: Prng,
  correlation = 0,
): readonly SimulatedDevice[] {
  return Array.from({ length: size }, (_, i) => {
    const id = `d${String(i).padStart(5, '0')}`;
    return new SimulatedDevice(id, natureOf(i), prng.fork(i), correlation);
  });
}

/** Compares in the shadow until there is a verdict. */
export function compareInShadow(devices: readonly SimulatedDevice[], plan: RolloutPlan): Outcome {
  const { mostTicks = 256, looksAt } = plan;
  const { blockWindows = defaultTerms.blockWindows } = plan.terms ?? {};
  let judgement: Judgement | undefined;
  for (let tick = 1; tick <= mostTicks; tick++) {
    for (const device of devices) device.advance(tick, blockWindows, 1, false);
    if (looksAt?.(tick) === false) continue;
    judgement = lookOnce(devices, plan, tick, undefined);
    if (judgement.verdict !== 'not-yet') {
      return { verdict: judgement.verdict, windows: tick * blockWindows, judgement };
    }
  }
  judgement ??= lookOnce(devices, plan, 0, undefined);
  return { verdict: 'open', windows: mostTicks * blockWindows, judgement };
}

/** One look, and what the controller keeps of it. */
export function lookOnce(
  devices: readonly SimulatedDevice[],
  { terms, judge = productJudge, beforeLook }: RolloutPlan,
  tick: number,
  step: StepContext | undefined,
): Judgement {
  beforeLook?.(devices, tick);
  const awaited = devices.filter(({ isAwaited }) => isAwaited).length;
  const judgement = judge({
    terms: { ...defaultTerms, ...terms },
    devices: devices.map((device) => device.evidence()),
    step,
    unmet: awaited > 0 ? [`${awaited} devices have not been heard since they were served`] : [],
    holds: [],
    names: { champion: 'the champion', challenger: 'the challenger' },
  });
  keep(devices, judgement);
  return judgement;
}

function keep(devices: readonly SimulatedDevice[], { left, leftStep, named }: Judgement): void {
  if (left.length + leftStep.length + named.length === 0) return;
  const byId = new Map(devices.map((device) => [device.id, device]));
  for (const { id, round } of left) {
    const device = byId.get(id);
    if (device) device.left = round;
  }
  for (const { id, round } of leftStep) {
    const device = byId.get(id);
    if (device) device.leftStep = round;
  }
  if (devices.length === 1) return;
  for (const { id, block } of named) {
    const device = byId.get(id);
    if (device) device.named = block;
  }
}
