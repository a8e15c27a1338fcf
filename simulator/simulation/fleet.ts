import { isDeepStrictEqual } from 'node:util';
import type { SampleForm } from '../../agent/ports/sensor.js';
import { CodedError } from '../../protocol/coded-error.js';
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
import { sourcesOf, type CreateSource } from './sources.js';
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
  const strideFrames = strideOf(releases);
  const boards = new Map(scenario.groups.map(({ name, profile }) => [name, boardOf(profile)]));
  const pool = isLarge(scenario) ? new WindowPool(scenario.seed, simulation.remembers) : undefined;
  const sources = new Map(
    scenario.groups.map(({ name, sensor }) => [name, sourcesOf(sensor, formOf(releases), pool)]),
  );
  for (const group of scenario.groups) checkSensor(group, sources.get(group.name), releases);
  const add = (group: Group, numbers: DeviceNumbers): SimulatedMember[] => {
    const ids = Array.from({ length: numbers.count }, (_, i) => deviceIdOf(numbers.first + i));
    return ids.flatMap((deviceId) => {
      if (scenario.only?.has(deviceId) === false) return [];
      enrolled.push({ deviceId, stratum: undefined });
      return [simulation.add(describe(group, deviceId))];
    });
  };
  const describe = (group: Group, deviceId: string): Parameters<Simulation['add']>[0] => {
    const createSource = sources.get(group.name);
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
      strideFrames,
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

/** What a sensor delivers at a time: the same for all releases, because the sensor does not know them. */
export function strideOf(releases: readonly BuiltRelease[]): number {
  const strides = new Set(releases.map(({ file }) => file.manifest.pipeline.window.stride));
  const [stride] = strides;
  if (stride === undefined || strides.size > 1) {
    const all = [...strides].join(' and ');
    throw new CodedError(
      'scenario-invalid',
      `releases: their windows have strides of ${all} frames`,
    );
  }
  return stride;
}

/** What releases take of a sensor: files are read in this form. */
export function formOf(releases: readonly BuiltRelease[]): SampleForm {
  const [form, ...others] = releases.map(({ file }) => file.manifest.pipeline.window);
  if (form === undefined) throw new CodedError('scenario-invalid', 'releases: there is none');
  const { channels, sampleRateHz, resize } = form;
  const isSame = others.every((each) => isDeepStrictEqual(each.resize, resize));
  if (!isSame)
    throw new CodedError('scenario-invalid', 'releases: they take pictures of several sizes');
  return { channels, sampleRateHz, resize };
}

/** Throws where a sensor does not fit the window of a release, or knows a class that the release does not name. */
function checkSensor(
  { name }: Group,
  createSource: CreateSource | undefined,
  releases: readonly BuiltRelease[],
): void {
  const source = createSource?.(chanceOf(0, 'check'), () => 0);
  for (const { release, file, classes } of releases) {
    const { channels } = file.manifest.pipeline.window;
    if (source !== undefined && source.channels !== channels)
      throw new CodedError(
        'scenario-invalid',
        `group ${name}: its sensor gives ${source.channels} channels, release ${release.name} takes ${channels}`,
      );
    const unnamed = createSource?.classes.find((each) => !classes.includes(each));
    if (classes.length > 0 && unnamed !== undefined)
      throw new CodedError(
        'scenario-invalid',
        `group ${name}: its sensor knows the class ${unnamed}, which release ${release.name} does not name; it names ${classes.join(', ')}`,
      );
  }
}
