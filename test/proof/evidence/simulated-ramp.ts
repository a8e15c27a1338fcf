import { defaultTerms } from '../../../operator/verdict/evidence.js';
import type { Prng } from '../../../simulator/prng.js';
import type { SimulatedDevice } from './simulated-device.js';
import { compareInShadow, lookOnce, type RolloutPlan } from './simulated-rollout.js';

export interface RampOutcome {
  readonly end: 'promoted' | 'aborted' | 'held' | 'harm in the shadow' | 'open in the shadow';
  /** The step in which it ended, from 1 on; 0 in the shadow. */
  readonly step: number;
  /** Devices that were to serve when it ended. */
  readonly served: number;
  /** Windows of the fastest device since the ramp began. */
  readonly windows: number;
  /** Which guardrail stopped it, where one did. */
  readonly guardrail: string | null;
}

const exposures = [0.1, 0.3, 1] as const;

/** Steps are the distinct numbers of devices after raising to three. */
export function stepSizes(fleet: number): readonly number[] {
  const sizes = exposures.map((share) => Math.max(Math.min(3, fleet), Math.round(share * fleet)));
  return sizes.filter((size, i) => size !== sizes[i - 1]);
}

/** The shadow, and then step by step. Devices are served in an order drawn by lot. */
export function runRamp(
  devices: readonly SimulatedDevice[],
  plan: RolloutPlan,
  prng: Prng,
): RampOutcome {
  const sizes = stepSizes(devices.length);
  const terms = { ...plan.terms, steps: sizes.length };
  const { blockWindows = defaultTerms.blockWindows } = terms;
  const shadow = compareInShadow(devices, { ...plan, terms });
  if (shadow.verdict !== 'safe') {
    const { guardrail } = shadow.judgement;
    const end = shadow.verdict === 'harm' ? 'harm in the shadow' : 'open in the shadow';
    return { end, step: 0, served: 0, windows: 0, guardrail };
  }
  const minBlocks = shadow.judgement.blocks;
  const order = shuffled(devices, prng);
  const began = shadow.windows / blockWindows;
  const { mostStepTicks = 200 } = plan;
  let tick = began;
  for (const [i, size] of sizes.entries()) {
    const isLast = i === sizes.length - 1;
    const policy = i + 2;
    const asked = order.slice(0, size);
    for (const device of devices) device.leftStep = undefined;
    const end = tick + mostStepTicks;
    let guardrail: string | null = null;
    let verdict = 'not-yet';
    let served: ReadonlySet<string> = new Set();
    while (verdict === 'not-yet' && tick < end) {
      tick++;
      // A device stays aside by itself where it has closed too few blocks.
      const enough = asked.filter(
        ({ shadow, served: own }) => shadow.length >= minBlocks || own.length > 0,
      );
      served = new Set(enough.map(({ id }) => id));
      for (const device of devices)
        device.advance(tick, blockWindows, policy, served.has(device.id));
      const step = { isLast, fromPolicy: policy, served: [...served] };
      const judgement = lookOnce(devices, { ...plan, terms }, tick, step);
      ({ verdict, guardrail } = judgement);
    }
    const windows = (tick - began) * blockWindows;
    const where = { step: i + 1, served: served.size, windows, guardrail };
    if (verdict === 'harm') return { end: 'aborted', ...where };
    if (verdict === 'not-yet') return { end: 'held', ...where };
    if (isLast) return { end: 'promoted', ...where };
  }
  throw new Error('the last step decides');
}

function shuffled<T>(items: readonly T[], prng: Prng): readonly T[] {
  return items
    .map((item) => ({ item, lot: prng.uint32() }))
    .sort((a, b) => a.lot - b.lot)
    .map(({ item }) => item);
}
