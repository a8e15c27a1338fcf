import { namesShown, type Report } from '../problems.js';
import type { FaultEntry, Group, TimelineEntry } from '../scenario.js';
import type { ScenarioFile } from '../schema/scenario-file.js';
import { boundsOf } from '../values.js';

type GivenEntry = ScenarioFile['timeline'][number];

/** What entries of the timeline refer to. */
export interface TimelineTerms {
  readonly durationMs: number;
  /** When faults end that have no end of their own. */
  readonly quietMs: number;
  readonly groups: readonly Group[];
  readonly releases: readonly string[];
  /** How many devices a group that was given so many has here: they may be scaled. */
  readonly scale: (count: number) => number;
}

/** The timeline by instant, in the order of the file within one, with times and devices in numbers. */
export function resolveTimeline(
  given: readonly GivenEntry[],
  terms: TimelineTerms,
  report: Report,
): readonly TimelineEntry[] {
  const { durationMs, groups, releases, scale } = terms;
  const rollouts = new Set<string>();
  let devices = groups.reduce((sum, group) => sum + group.devices.count, 0);
  const inOrder = given
    .map((entry, i) => ({ entry, path: ['timeline', i] as const, atMs: boundsOf(entry.at)[0] }))
    .sort((a, b) => a.atMs - b.atMs);
  return inOrder.map(({ entry, path, atMs }): TimelineEntry => {
    if (atMs >= durationMs) report([...path, 'at'], 'must be before the end of the run');
    switch (entry.action) {
      case 'publish': {
        const { action, release, ramp, spread = 0, soak, inferences } = entry;
        checkRelease(release, [...path, 'publish']);
        const perMs = ramp === undefined ? undefined : boundsOf(ramp.perMs)[0];
        const spreadMs = perMs === undefined ? spread : devices / perMs;
        return { atMs, action, release, spreadMs, soakMs: soak, inferences };
      }
      case 'rollout': {
        checkRelease(entry.release, [...path, 'rollout']);
        if (rollouts.has(entry.name)) {
          report([...path, 'as'], `must be another one: two rollouts are named ${entry.name}`);
        }
        rollouts.add(entry.name);
        return {
          atMs,
          action: entry.action,
          release: entry.release,
          name: entry.name,
          evidence: entry.evidence,
          exposures: entry.exposures,
          overMs: entry.over,
          soakMs: entry.soak,
          inferences: entry.inferences,
          stepSoakMs: entry['step-soak'],
          horizonMs: entry.horizon,
          safe: entry.safe,
          harm: entry.harm,
          alpha: entry.alpha,
          scope: entry.scope,
          holdout: entry.holdout,
          spreadMs: entry.spread,
        };
      }
      case 'rollout-request': {
        const { action, request, rollout } = entry;
        if (!rollouts.has(rollout)) {
          report([...path, 'of'], `must name a rollout that begins before; ${rollout} does not`);
        }
        return { atMs, action, request, rollout };
      }
      case 'join': {
        const { action, group } = entry;
        if (!groups.some(({ name }) => name === group)) {
          const names = namesShown(groups.map(({ name }) => name));
          report([...path, 'group'], `must be a group of the fleet: ${names}`);
        }
        const joining = { first: devices + 1, count: scale(entry.count) };
        devices += joining.count;
        return { atMs, action, group, devices: joining };
      }
      case 'enrol-again':
        return { atMs, action: entry.action, where: entry.where };
      case 'fault': {
        const { action, fault, where, share } = entry;
        const untilMs = endOf(entry, atMs, terms, (message) => {
          report([...path, 'at'], message);
        });
        return { atMs, action, fault, where, share, untilMs };
      }
    }
  });

  function checkRelease(release: string, path: readonly (string | number)[]): void {
    if (releases.includes(release)) return;
    report(path, `must be a release: ${namesShown(releases)}; ${release} is none`);
  }
}

/** When a fault is over. */
function endOf(
  { at, lasts, forMs }: Extract<GivenEntry, { action: 'fault' }>,
  atMs: number,
  { durationMs, quietMs }: TimelineTerms,
  report: (message: string) => void,
): FaultEntry['untilMs'] {
  if (!lasts) return undefined;
  if (typeof at !== 'number') {
    if (at.high > durationMs) report('must end with the run at the latest');
    return at.high;
  }
  if (forMs !== undefined) return Math.min(atMs + forMs, durationMs);
  if (atMs >= quietMs && atMs < durationMs) {
    report('must be before 75 % of duration, where the fault ends; or give it an end by for');
  }
  return quietMs;
}
