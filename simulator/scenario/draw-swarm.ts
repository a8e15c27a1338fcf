import type { Prng } from '../prng.js';
import type { Fault, FaultEntry, SwarmFault, SwarmKind } from './scenario.js';
import { everyDevice } from './selector.js';
import { draw, type Amount, type Rate } from './values.js';

/** Each fault has a generator of its own: one more in a file changes nothing for the others. Numbers never change. */
const purposes: Readonly<Record<SwarmKind, number>> = {
  loss: 1,
  duplicate: 2,
  reorder: 3,
  delay: 4,
  partition: 5,
  'power-cut': 6,
  'disk-full': 7,
  eio: 8,
  'bit-rot': 9,
  slow: 10,
  'clock-skew': 11,
  'clock-jump': 12,
  'broker-restart': 13,
};

const hourMs = 3_600_000;
const awayMs = 5_000;

/**
 * The faults of one seed, as entries of a timeline: each is on with chance 1/2, with one value from its range, from the start
 * until `quietMs`. Takes nothing from the generator itself.
 */
export function drawSwarm(
  swarm: readonly SwarmFault[],
  quietMs: number,
  prng: Prng,
): readonly (FaultEntry & { readonly atMs: number })[] {
  return swarm.flatMap(({ kind, value }) => {
    const own = prng.fork(purposes[kind]);
    // Drawn also where it is off: what follows is the same for both.
    const isOn = own.uniform(0, 1) < 0.5;
    const { per, amount } = partsOf(value);
    const drawn = draw(amount, own);
    if (!isOn) return [];
    const often: Rate = { kind: 'rate', per, perMs: drawn };
    const isOfDevices = ofDevices.has(kind);
    const isInstant = kind === 'bit-rot';
    return [
      {
        // A disk has nothing to rot at the start.
        atMs: isInstant ? own.uniform(0, quietMs) : 0,
        action: 'fault',
        fault: faultOf(kind, drawn, often),
        where: everyDevice,
        share: isOfDevices ? drawn : 1,
        untilMs: isInstant ? undefined : quietMs,
      },
    ];
  });
}

function partsOf(value: Amount | Rate): { readonly per: Rate['per']; readonly amount: Amount } {
  return typeof value === 'object' && value.kind === 'rate'
    ? { per: value.per, amount: value.perMs }
    : { per: 'all', amount: value };
}

/** What has no strength of its own: the share of devices is drawn. */
const ofDevices: ReadonlySet<SwarmKind> = new Set(['partition', 'disk-full', 'eio', 'bit-rot']);

function faultOf(kind: SwarmKind, drawn: number, often: Rate): Fault {
  switch (kind) {
    case 'loss':
    case 'duplicate':
    case 'reorder':
      return { kind, share: drawn, direction: 'both' };
    case 'delay':
      return { kind, delayMs: drawn, direction: 'both' };
    case 'partition':
    case 'disk-full':
    case 'eio':
      return { kind };
    case 'power-cut':
      return { kind, when: often, torn: false, awayMs };
    case 'bit-rot':
      return { kind, bits: 1 };
    case 'slow':
      return { kind, factor: drawn };
    case 'clock-skew':
      return { kind, byMs: drawn };
    case 'clock-jump':
      return {
        kind,
        when: often,
        to: { byMs: { kind: 'range', low: -hourMs, high: hourMs, drawn: 'evenly' } },
      };
    case 'broker-restart':
      return { kind, when: often, store: 'kept', awayMs };
  }
}
