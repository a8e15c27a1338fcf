import { chanceOf } from '../devices/draws.js';
import { applyFault, type DeviceFault } from '../faults/apply-fault.js';
import type { Fault, FaultEntry, Scenario, TimelineEntry } from '../scenario/scenario.js';
import type { Selector } from '../scenario/selector.js';
import type { Lane } from '../time/lane.js';
import type { DeviceWorld } from './device-world.js';
import type { SimulatedMember } from './member.js';

/** What the part of a timeline acts upon that is about devices. */
export interface DeviceStage {
  readonly world: DeviceWorld;
  /** The devices of this part that a selector means now, in the order of their numbers. */
  readonly select: (where: Selector) => readonly SimulatedMember[];
  /** More devices start. */
  readonly join: (entry: Extract<TimelineEntry, { action: 'join' }>) => void;
}

/** Lets all entries that are about devices happen when they are due. */
export function scheduleDevices(
  { timeline }: Pick<Scenario, 'timeline'>,
  lane: Lane,
  stage: DeviceStage,
): void {
  for (const [i, entry] of timeline.entries()) {
    if (!isOfDevices(entry)) continue;
    lane.after(entry.atMs, () => {
      act(entry, i, stage);
    });
  }
}

/** Whether a fault is one of single devices. */
export function isDeviceFault(fault: Fault): fault is DeviceFault {
  return !/^(broker-|controller-kill$|stolen-key$)/.test(fault.kind);
}

type DeviceEntry = Extract<TimelineEntry, { action: 'join' | 'enrol-again' | 'fault' }>;

function isOfDevices(entry: TimelineEntry): entry is DeviceEntry {
  return ['join', 'enrol-again', 'fault'].includes(entry.action);
}

function act(entry: DeviceEntry, index: number, stage: DeviceStage): void {
  const { world, select, join } = stage;
  if (entry.action === 'join') join(entry);
  else if (entry.action === 'enrol-again')
    for (const member of select(entry.where)) world.see(member, { kind: 'enrolled-again' });
  else if (isDeviceFault(entry.fault)) befall(entry, entry.fault, index, stage);
}

/** Lets a fault of the timeline happen. @param index its place in the timeline, which names its chance */
function befall(
  { where, share, untilMs }: FaultEntry,
  fault: DeviceFault,
  index: number,
  { world, select }: DeviceStage,
): void {
  for (const member of select(where)) {
    const chance = chanceOf(world.terms.seed, `fault ${index}`, member.host.deviceId);
    if (share < 1 && chance.uniform(0, 1) >= share) continue;
    world.record(member, 'fault', { fault: fault.kind });
    const undo = applyFault(fault, member, chance, world, untilMs);
    if (untilMs === undefined) continue;
    member.outside.after(untilMs - world.time.nowMs, () => {
      world.record(member, 'fault-over', { fault: fault.kind });
      undo();
    });
  }
}
