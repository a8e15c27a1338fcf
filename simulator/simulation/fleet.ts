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
import type { DeviceDescription } from './member.js';

/** What describes a device of a group by its number. */
export type DescribeDevice = (group: Group, number: number) => DeviceDescription;

/**
 * Reads what the devices of a scenario are made of. Throws `scenario-invalid` where releases and sensors do not fit.
 *
 * @param remembers whether signals that come again are kept
 */
export function describeDevices(
  scenario: Pick<Scenario, 'seed' | 'groups' | 'timeline'>,
  releases: readonly BuiltRelease[],
  remembers: boolean,
): DescribeDevice {
  const { seed, groups } = scenario;
  const pool = isLarge(scenario) ? new WindowPool(seed, remembers) : undefined;
  const { delivery, byGroup } = createSources(groups, releases, pool);
  const boards = new Map(groups.map(({ name, profile }) => [name, boardOf(profile)]));
  return ({ name, site, link }, number) => {
    const [board, createSource] = [boards.get(name), byGroup.get(name)];
    if (board === undefined || createSource === undefined)
      throw new Error(`there is no group ${name}`);
    const deviceId = deviceIdOf(number);
    return {
      deviceId,
      number,
      labels: { site, class: board.class, group: name },
      linkName: link?.name ?? board.link,
      board,
      link: linkOf(link, board.linkTerms, chanceOf(seed, 'link-terms', deviceId)),
      strideFrames: delivery.frames,
      createSource,
    };
  };
}

/** The numbers of devices of which only some exist. */
export function presentNumbers(
  { first, count }: DeviceNumbers,
  only: Scenario['only'],
): readonly number[] {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  return only === undefined ? numbers : numbers.filter((number) => only.has(deviceIdOf(number)));
}

/** Above so many devices machines are shared. */
const mostOwnMachines = 2_048;

/** Whether a fleet is so large that its devices share machines; those that are left out for a smaller run count. */
function isLarge({ groups, timeline }: Pick<Scenario, 'groups' | 'timeline'>): boolean {
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
