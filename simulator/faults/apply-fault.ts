import type { LinkFaults } from '../broker/link.js';
import type { Prng } from '../prng.js';
import type { Direction, Fault } from '../scenario/scenario.js';
import { draw, type Rate } from '../scenario/values.js';
import type { DeviceWorld } from '../simulation/device-world.js';
import type { SimulatedMember } from '../simulation/member.js';
import type { Lane } from '../time/lane.js';
import type { SensorFault } from './faulty-source.js';

/** A fault of single devices. */
export type DeviceFault = Exclude<
  Fault,
  { kind: `broker-${string}` | 'controller-kill' | 'stolen-key' }
>;

/** What is called where a lasting fault is over. */
type Undo = () => void;

const nothing: Undo = () => undefined;

/**
 * Lets a fault befall one device.
 *
 * @param untilMs when a lasting fault is over; whoever calls this calls what it returns then
 */
export function applyFault(
  fault: DeviceFault,
  member: SimulatedMember,
  chance: Prng,
  world: DeviceWorld,
  untilMs: number | undefined,
): Undo {
  const { processor, disk, source, clock, outside } = member;
  switch (fault.kind) {
    case 'loss':
      return onLink(member, fault.direction, { loss: draw(fault.share, chance) });
    case 'duplicate':
      return onLink(member, fault.direction, { duplicate: draw(fault.share, chance) });
    case 'reorder':
      return onLink(member, fault.direction, { reorder: draw(fault.share, chance) });
    case 'delay':
      return onLink(member, fault.direction, { delayMs: draw(fault.delayMs, chance) });
    case 'bandwidth':
      return onLink(member, 'both', { bitPerS: draw(fault.bitPerS, chance) });
    // TCP holds what it cannot bring over, whether or not the other side is still there.
    case 'partition':
    case 'half-open':
      return onLink(member, 'both', { isCut: true });
    case 'one-way':
      return onLink(member, fault.open === 'up' ? 'down' : 'up', { isCut: true });
    case 'disk-full':
      disk.isFull = true;
      return () => (disk.isFull = false);
    case 'eio':
      disk.fails = true;
      return () => (disk.fails = false);
    case 'read-only':
      disk.isReadOnly = true;
      return () => (disk.isReadOnly = false);
    case 'slow': {
      const factor = draw(fault.factor, chance);
      processor.slowdown *= factor;
      return () => (processor.slowdown /= factor);
    }
    case 'memory':
      processor.arenaShare = draw(fault.share, chance);
      return () => (processor.arenaShare = 1);
    case 'clock-skew': {
      const byMs = clock.jump(Math.round(draw(fault.byMs, chance)));
      return () => {
        clock.jump(-byMs);
      };
    }
    case 'clock-drift':
      clock.drift(1e6 * draw(fault.drift, chance));
      return () => {
        clock.drift(0);
      };
    case 'sensor-stuck':
      return source.break({ kind: 'stuck' }, fault.overMs);
    case 'sensor-silent':
      return source.break({ kind: 'silent' }, fault.overMs);
    case 'sensor-noise':
      return source.break({ kind: 'noise', rms: draw(fault.rms, chance) }, fault.overMs);
    case 'sensor-gain':
      return source.break(gain(draw(fault.factor, chance)), fault.overMs);
    case 'sensor-offset':
      return source.break({ kind: 'offset', add: draw(fault.add, chance) }, fault.overMs);
    case 'clock-jump':
      return atInstants(fault.when, chance, outside, untilMs, () => {
        const { to } = fault;
        const byMs = 'wallMs' in to ? to.wallMs - clock.wallMs() : draw(to.byMs, chance);
        const jumpedMs = clock.jump(Math.round(byMs));
        world.record(member, 'clock-jumped', { byMs: jumpedMs });
      });
    case 'worker-crash':
      return atInstants(fault.when, chance, outside, untilMs, () => {
        processor.crashes = true;
      });
    case 'power-cut': {
      const cut = (): void => {
        const awayMs = draw(fault.awayMs, chance);
        world.cutPower(member, fault.torn ? chance : undefined);
        // The device is off, and its lane with it: the mains come back by the clock outside.
        outside.after(awayMs, () => {
          member.host.boot();
        });
      };
      if (fault.when.kind === 'operation') {
        disk.cutAt(fault.when.number, cut, fault.torn ? chance.below(mostCalls) : undefined);
        return nothing;
      }
      return atInstants(fault.when, chance, outside, untilMs, () => {
        if (fault.torn && chance.uniform(0, 1) < 0.5) tearSoon(member, chance, cut);
        else cut();
      });
    }
    case 'lying':
      member.host.lie = fault.signs;
      return () => {
        member.host.lie = undefined;
      };
    case 'bit-rot':
      world.rot(member, Math.round(draw(fault.bits, chance)), chance);
      return nothing;
    case 'swap':
      world.swap(member);
      return nothing;
  }
}

/** More calls of the system than an operation of the storage makes that change something. */
const mostCalls = 8;

/** So long it is waited for a write in the middle of which the power can go. */
const tearPatienceMs = 60_000;

/** The power goes in the middle of the next write, or a little later where there is none. */
function tearSoon({ disk, outside }: SimulatedMember, chance: Prng, cut: () => void): void {
  const giveUp = outside.after(tearPatienceMs, () => {
    disk.spare();
    cut();
  });
  disk.tearNext(chance.below(mostCalls), () => {
    giveUp();
    cut();
  });
}

function gain(factor: number): SensorFault {
  return { kind: 'gain', factor };
}

function onLink(
  { network }: SimulatedMember,
  direction: Direction,
  change: Partial<LinkFaults>,
): Undo {
  const { up, down } = network;
  const ways = direction === 'both' ? [up, down] : [direction === 'up' ? up : down];
  const undo = ways.map((way) => way.worsen(change));
  network.changed();
  return () => {
    for (const each of undo) each();
    network.changed();
  };
}

/**
 * Lets something happen now, or as a Poisson process until a lasting fault is over.
 *
 * @param lane by whose clock it happens
 */
export function atInstants(
  when: Rate | { readonly kind: 'now' },
  chance: Prng,
  lane: Lane,
  untilMs: number | undefined,
  happen: () => void,
): Undo {
  if (when.kind === 'now') {
    happen();
    return nothing;
  }
  const perMs = draw(when.perMs, chance);
  if (perMs <= 0 || untilMs === undefined) return nothing;
  let cancel: Undo = nothing;
  const next = (): void => {
    cancel = lane.after(-Math.log(1 - chance.uniform(0, 1)) / perMs, () => {
      happen();
      next();
    });
  };
  next();
  return () => {
    cancel();
  };
}
