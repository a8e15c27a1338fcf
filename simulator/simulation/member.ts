import type { Board } from '../boards/board.js';
import type { WearMeter } from '../boards/wear-meter.js';
import type { LinkTerms } from '../broker/link-kinds.js';
import type { Network } from '../broker/network.js';
import type { DeviceHost } from '../devices/device-host.js';
import type { Processor } from '../devices/simulated-engine.js';
import type { WindowSource } from '../devices/window-source.js';
import type { DiskFaults } from '../faults/disk-faults.js';
import type { FaultySource } from '../faults/faulty-source.js';
import type { Phase } from '../../protocol/messages/event.js';
import type { DeviceRecord } from '../../agent/core/state/record.js';
import type { Prng } from '../prng.js';
import type { DeviceFacts } from '../scenario/selector.js';
import type { Lane, LaneClock } from '../time/lane.js';

/** One device as a scenario describes it. */
export interface DeviceDescription {
  readonly deviceId: string;
  /** From 1: names its lane, in whatever thread that is. */
  readonly number: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly linkName: string;
  readonly board: Board;
  readonly link: LinkTerms;
  /** Frames of a delivery. */
  readonly strideFrames: number;
  readonly createSource: (prng: Prng, nowMs: () => number) => WindowSource;
}

/** A device of a run: the machine, and what can be done to it. */
export interface SimulatedMember {
  readonly description: DeviceDescription;
  readonly host: DeviceHost;
  readonly lane: Lane;
  /** Goes on where the device has no power. */
  readonly outside: Lane;
  readonly clock: LaneClock;
  readonly processor: Processor;
  readonly network: Network;
  readonly disk: DiskFaults;
  readonly source: FaultySource;
  readonly wear: WearMeter;
  /** The last phase of its slot that it told; undefined before the first. */
  phase: Phase | undefined;
  /** Its record, as it was looked at last. */
  record: DeviceRecord | undefined;
  /** How often another machine has taken its place. */
  swaps: number;
}

/** What is true of a device now. @param releases names in the order of sequence numbers, from 1 */
export function factsOf(
  { description, host, phase }: SimulatedMember,
  releases: readonly string[],
): DeviceFacts {
  const { labels } = description;
  const serving = servingOn(host.record);
  const { truth } = host;
  return {
    id: host.deviceId,
    site: labels['site'],
    group: labels['group'],
    profile: description.board.name,
    class: labels['class'],
    link: description.linkName,
    release: serving === undefined ? 'none' : releases[serving - 1],
    phase,
    condition: truth,
    labelled: truth === undefined ? 'false' : 'true',
  };
}

/** The sequence number of what answers on a device: what is on trial, else what is current. */
export function servingOn(record: SimulatedMember['host']['record']): number | undefined {
  const { candidate, current } = record ?? {};
  return candidate?.phase === 'trial' ? candidate.sequence : current?.sequence;
}
