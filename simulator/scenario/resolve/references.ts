import { deviceIdOf } from '../device-ids.js';
import { linkNames } from '../links.js';
import { namesShown, type Path, type Report } from '../problems.js';
import type { Scenario } from '../scenario.js';
import type { Selector, SelectorKey } from '../selector.js';

/** A selector, and where it stands in the file. */
export interface PlacedSelector {
  readonly path: Path;
  readonly selector: Selector;
}

/** Reports what selectors and expectations name and nobody has. */
export function checkReferences(
  scenario: Scenario,
  selectors: readonly PlacedSelector[],
  report: Report,
): void {
  const { groups, releases, timeline, durationMs, expectations, only } = scenario;
  const names: Readonly<Partial<Record<SelectorKey, readonly string[]>>> = {
    site: [...new Set(groups.map(({ site }) => site))],
    group: groups.map(({ name }) => name),
    profile: [...new Set(groups.map(({ profile }) => profile.name))],
    link: [...linkNames, 'own'],
    release: [...releases.map(({ name }) => name), 'none'],
  };
  const devices = countDevices(scenario);
  const isDevice = (id: string): boolean => {
    const number = Number(/^sim-(\d+)$/.exec(id)?.[1]);
    return number >= 1 && number <= devices && deviceIdOf(number) === id;
  };
  const checkSelector = (path: Path, { conditions }: Selector): void => {
    for (const { key, values } of conditions) {
      const known = names[key];
      const unknown = values.find((value) =>
        key === 'id' ? !isDevice(value) : known?.includes(value) === false,
      );
      if (unknown === undefined) continue;
      const allowed =
        known === undefined ? `${deviceIdOf(1)} to ${deviceIdOf(devices)}` : namesShown(known);
      report(path, `must have one of ${allowed} for ${key}; ${unknown} is none`);
    }
  };

  for (const { path, selector } of selectors) checkSelector(path, selector);
  const rollouts = timeline.flatMap((entry) => (entry.action === 'rollout' ? [entry.name] : []));
  for (const [i, { anyOf }] of expectations.entries()) {
    const path = ['expect', i];
    for (const { term, when } of anyOf) {
      if ('where' in term) checkSelector(path, term.where);
      if (term.kind === 'rollout' && !rollouts.includes(term.rollout)) {
        report(path, `must name a rollout of the timeline; ${term.rollout} is none`);
      }
      if ((when.kind === 'at' || when.kind === 'after') && when.ms > durationMs) {
        report(path, `must have a time within duration behind ${when.kind}`);
      }
    }
  }
  for (const id of only ?? []) {
    if (!isDevice(id)) {
      report(
        ['only'],
        `must have ids from ${deviceIdOf(1)} to ${deviceIdOf(devices)}; ${id} is none`,
      );
    }
  }
}

/** All that ever are there, without regard to `only`. */
function countDevices({ groups, timeline }: Scenario): number {
  const joining = timeline.flatMap((entry) => (entry.action === 'join' ? [entry.devices] : []));
  return [...groups.map(({ devices }) => devices), ...joining].reduce(
    (sum, { count }) => sum + count,
    0,
  );
}
