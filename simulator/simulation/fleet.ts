import { isDeepStrictEqual } from 'node:util';
import type { SampleForm } from '../../agent/ports/sensor.js';
import { CodedError } from '../../protocol/coded-error.js';
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
  const strideFrames = strideOf(releases);
  const pool = isLarge(scenario) ? new WindowPool(seed, remembers) : undefined;
  const kinds = new Map(
    groups.map(({ name, profile, sensor }) => [
      name,
      { board: boardOf(profile), createSource: sourcesOf(sensor, formOf(releases), pool) },
    ]),
  );
  for (const group of groups) checkSensor(group, kinds.get(group.name)?.createSource, releases);
  return ({ name, site, link }, number) => {
    const kind = kinds.get(name);
    if (kind === undefined) throw new Error(`there is no group ${name}`);
    const { board, createSource } = kind;
    const deviceId = deviceIdOf(number);
    return {
      deviceId,
      number,
      labels: { site, class: board.class, group: name },
      linkName: link?.name ?? board.link,
      board,
      link: linkOf(link, board.linkTerms, chanceOf(seed, 'link-terms', deviceId)),
      strideFrames,
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
