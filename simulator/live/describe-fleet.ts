import type { BuiltRelease } from '../people/releases.js';
import { chanceOf } from '../devices/draws.js';
import { createSeededKey } from '../ports/seeded-key.js';
import { deviceIdOf } from '../scenario/device-ids.js';
import type { Group, Scenario } from '../scenario/scenario.js';
import { boardOf, presentNumbers } from '../simulation/fleet.js';
import { createSources, type Sources } from '../simulation/sources.js';
import { truthTopicOf } from '../simulation/traffic.js';
import type { LiveDescription } from './live-device.js';

/**
 * The devices of a scenario for a live run: their boards limit them, but nothing slows them down. Throws
 * `scenario-invalid`.
 *
 * @param nowMs of the run
 */
export function describeFleet(
  scenario: Scenario,
  releases: readonly BuiltRelease[],
  nowMs: () => number,
): readonly LiveDescription[] {
  const sources = createSources(scenario.groups, releases);
  return scenario.groups.flatMap((group) => describeGroup(group, scenario, sources, nowMs));
}

function describeGroup(
  { name, site, profile, link, devices }: Group,
  { seed, only, labels, periodMs }: Scenario,
  { delivery, byGroup }: Sources,
  nowMs: () => number,
): LiveDescription[] {
  const board = boardOf(profile);
  const createSource = byGroup.get(name);
  if (createSource === undefined) throw new Error(`there is no group ${name}`);
  return presentNumbers(devices, only)
    .map(deviceIdOf)
    .map((deviceId) => ({
      deviceId,
      labels: { site, class: board.class, group: name },
      profile: profile.name,
      link: link?.name ?? board.link,
      limits: board.limits,
      key: createSeededKey(`${seed}/${deviceId}`),
      entropy: chanceOf(seed, 'agent', deviceId),
      source: createSource(chanceOf(seed, 'sensor', deviceId), nowMs),
      frames: delivery.frames,
      firstMs: chanceOf(seed, 'phase', deviceId).uniform(0, periodMs),
      truthTopic: labels === undefined ? undefined : truthTopicOf(deviceId),
    }));
}
