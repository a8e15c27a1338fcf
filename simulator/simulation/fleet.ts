import type { RolloutDevice } from '../../operator/rollout/rollout.js';
import type { Board } from '../boards/board.js';
import { loadBoard, shippedBoard } from '../boards/shipped-boards.js';
import { linkKinds, type LinkTerms } from '../broker/link-kinds.js';
import { leastLatencyMs } from '../broker/link.js';
import { chanceOf } from '../devices/draws.js';
import { WindowPool } from '../signals/window-pool.js';
import type { BuiltRelease } from '../people/releases.js';
import { deviceIdOf } from '../scenario/device-ids.js';
import type { DeviceNumbers, Group, Link, Scenario } from '../scenario/scenario.js';
import { boundsOf, draw, type Amount } from '../scenario/values.js';
import type { Prng } from '../prng.js';
import { createSources } from './sources.js';
import type { SimulatedMember, Simulation } from './simulation.js';

/** The devices of a scenario. */
export interface Fleet {
  /** All that are enrolled, in the order of their ids. */
  readonly enrolled: readonly RolloutDevice[];
  /** Switches on all that are there at the beginning. */
  boot(): void;
  /** More devices are enrolled and start. */
  join(group: string, numbers: DeviceNumbers): void;
}

/** Makes the devices of a scenario, switched off. Throws `scenario-invalid` where releases and sensors do not fit. */
export function createFleet(
  scenario: Scenario,
  simulation: Simulation,
  releases: readonly BuiltRelease[],
): Fleet {
  const enrolled: RolloutDevice[] = [];
  const boards = new Map(scenario.groups.map(({ name, profile }) => [name, boardOf(profile)]));
  const pool = isLarge(scenario) ? new WindowPool(scenario.seed, simulation.remembers) : undefined;
  const sources = createSources(scenario.groups, releases, pool);
  const add = (group: Group, numbers: DeviceNumbers): SimulatedMember[] => {
    const ids = Array.from({ length: numbers.count }, (_, i) => deviceIdOf(numbers.first + i));
    return ids.flatMap((deviceId) => {
      if (scenario.only?.has(deviceId) === false) return [];
      enrolled.push({ deviceId, stratum: undefined });
      return [simulation.add(describe(group, deviceId))];
    });
  };
  const describe = (group: Group, deviceId: string): Parameters<Simulation['add']>[0] => {
    const createSource = sources.byGroup.get(group.name);
    const board = boards.get(group.name);
    if (createSource === undefined || board === undefined) {
      throw new Error(`there is no group ${group.name}`);
    }
    const { name, site } = group;
    return {
      deviceId,
      labels: { site, class: board.class, group: name },
      linkName: group.link?.name ?? board.link,
      board,
      link: linkOf(group.link, board.linkTerms, chanceOf(simulation.seed, 'link-terms', deviceId)),
      strideFrames: sources.delivery.frames,
      createSource,
    };
  };
  for (const group of scenario.groups) add(group, group.devices);
  return {
    enrolled,
    boot() {
      for (const { host } of simulation.members.values()) host.boot();
    },
    join(name, numbers) {
      const group = scenario.groups.find((each) => each.name === name);
      if (group === undefined) throw new Error(`there is no group ${name}`);
      for (const { host } of add(group, numbers)) host.boot();
    },
  };
}

/** Above so many devices machines are shared. */
const mostOwnMachines = 2_048;

/** Whether a fleet is so large that its devices share machines; those that are left out for a smaller run count. */
function isLarge({ groups, timeline }: Scenario): boolean {
  let devices = 0;
  for (const group of groups) devices += group.devices.count;
  for (const entry of timeline) if (entry.action === 'join') devices += entry.devices.count;
  return devices > mostOwnMachines;
}

/** The board of a group. */
export function boardOf({ name, file }: Group['profile']): Board {
  return file === undefined ? shippedBoard(name) : loadBoard(file);
}

/** The terms of a device's link, drawn once where the file gives ranges; latencies stay ranges. */
function linkOf(link: Link | undefined, ofBoard: LinkTerms, chance: Prng): LinkTerms {
  if (link === undefined) return ofBoard;
  const usual = link.name === 'own' ? undefined : linkKinds[link.name];
  const latencyMs = atLeast(link.latencyMs);
  const bitPerS = (amount: Amount | undefined): number | undefined =>
    amount === undefined ? undefined : draw(amount, chance);
  return {
    up: { bitPerS: bitPerS(link.upBitPerS) ?? usual?.up.bitPerS, latencyMs },
    down: { bitPerS: bitPerS(link.downBitPerS) ?? usual?.down.bitPerS, latencyMs },
    loss: draw(link.loss, chance),
  };
}

function atLeast(latencyMs: Amount): readonly [number, number] {
  const [least, most] = boundsOf(latencyMs);
  return [Math.max(leastLatencyMs, least), Math.max(leastLatencyMs, most)];
}
