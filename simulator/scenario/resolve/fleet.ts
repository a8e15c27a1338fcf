import { latencyOf } from '../links.js';
import type { Report } from '../problems.js';
import type { Group, Link, Profile, Sensor } from '../scenario.js';
import { mostDevices } from '../schema/fleet.js';
import type { ScenarioFile } from '../schema/scenario-file.js';
import type { Surroundings } from '../surroundings.js';

type GivenGroup = ScenarioFile['fleet'][number];

/** Groups with all defaults, and the numbers of their devices, one group after the other. */
export function resolveFleet(
  given: readonly GivenGroup[],
  counts: readonly number[],
  around: Surroundings,
  report: Report,
): readonly Group[] {
  let first = 1;
  const names = new Set<string>();
  const groups = given.map((group, i): Group => {
    const path = ['fleet', i] as const;
    const count = counts[i] ?? 0;
    const name = group.name ?? `group-${i + 1}`;
    if (names.has(name)) {
      report([...path, 'name'], `must be another one: two groups are named ${name}`);
    }
    names.add(name);
    const devices = { first, count };
    first += count;
    return {
      name,
      site: group.site ?? 'site-1',
      profile: resolveProfile(group.profile, around, (message) => {
        report([...path, 'profile'], message);
      }),
      link: group.link && resolveLink(group.link),
      sensor: resolveSensor(group.sensor, around, (key, message) => {
        report([...path, 'sensor', key], message);
      }),
      devices,
    };
  });
  if (first - 1 > mostDevices) {
    report(['fleet'], `must have at most ${mostDevices} devices; it has ${first - 1}`);
  }
  return groups;
}

/**
 * How many devices each group has where all have so many together: each its part, and one at least. The parts that are left
 * go to the groups that have lost most by rounding, the first of them first.
 */
export function scaleCounts(
  counts: readonly number[],
  devices: number | undefined,
): readonly number[] {
  if (devices === undefined) return counts;
  const all = counts.reduce((sum, count) => sum + count, 0);
  const scaled = counts.map((count) => Math.max(1, Math.floor((count * devices) / all)));
  const lossOf = (i: number): number => ((counts[i] ?? 0) * devices) / all - (scaled[i] ?? 0);
  const order = scaled.map((_, i) => i).sort((a, b) => lossOf(b) - lossOf(a) || a - b);
  let left = devices - scaled.reduce((sum, count) => sum + count, 0);
  for (const i of order) {
    if (left <= 0) break;
    scaled[i] = (scaled[i] ?? 0) + 1;
    left--;
  }
  // Where groups of one took too much, the largest give it back.
  while (left < 0) {
    const largest = scaled.indexOf(Math.max(...scaled));
    if ((scaled[largest] ?? 1) <= 1) break;
    scaled[largest] = (scaled[largest] ?? 1) - 1;
    left++;
  }
  return scaled;
}

function resolveProfile(
  name: string,
  around: Surroundings,
  report: (message: string) => void,
): Profile {
  if (around.boards.includes(name)) return { name, file: undefined };
  if (/^[a-z][a-z0-9-]*$/.test(name)) {
    report(`must be a shipped board or a file; ${name} is none of ${around.boards.join(', ')}`);
    return { name, file: undefined };
  }
  return { name, file: located(around, name, 'file', report) };
}

function resolveLink(given: NonNullable<GivenGroup['link']>): Link {
  if (given.kind === 'named') {
    const { name } = given;
    return {
      name,
      upBitPerS: undefined,
      downBitPerS: undefined,
      latencyMs: latencyOf(name),
      loss: 0,
    };
  }
  const { up, down, latency, loss } = given;
  return { name: 'own', upBitPerS: up, downBitPerS: down, latencyMs: latency, loss };
}

function resolveSensor(
  given: GivenGroup['sensor'],
  around: Surroundings,
  report: (key: string, message: string) => void,
): Sensor {
  switch (given.kind) {
    case 'vibration':
    case 'audio':
      return given;
    case 'csv': {
      const { file, columns, label, start } = given;
      const whole = located(around, file, 'file', (message) => {
        report('file', message);
      });
      if (label !== undefined && columns?.includes(label) === true) {
        report('columns', `must not have the column ${label}: it is the label`);
      }
      return { kind: 'csv', file: whole, columns, labelColumn: label, startRow: start };
    }
    case 'wav':
    case 'pictures': {
      const folder = located(around, given.folder, 'folder', (message) => {
        report('folder', message);
      });
      return { kind: given.kind, folder, label: given.label };
    }
  }
}

/** The absolute path; the name where there is none. */
export function located(
  around: Surroundings,
  name: string,
  kind: 'file' | 'folder',
  report: (message: string) => void,
): string {
  const found = around.locate(name, kind);
  if (found.ok) return found.value;
  report(found.rejection.detail);
  return name;
}
