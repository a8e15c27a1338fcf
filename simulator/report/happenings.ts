import type { FaultEntry, Scenario, TimelineEntry } from '../scenario/scenario.js';
import type { Selector } from '../scenario/selector.js';
import type { Happening, RunRecord } from './run-record.js';

/** The faults of a scenario, in words. */
export function faultsOf({ timeline }: Scenario): readonly Happening[] {
  return timeline.flatMap((entry) =>
    entry.action === 'fault'
      ? [{ text: faultText(entry), fromMs: entry.atMs, untilMs: entry.untilMs }]
      : [],
  );
}

/** What people do in a scenario, in words. */
export function actionsOf({ timeline }: Scenario): readonly Happening[] {
  return timeline.flatMap((entry) => {
    const text = actionText(entry);
    return text === undefined ? [] : [{ text, fromMs: entry.atMs, untilMs: undefined }];
  });
}

/** What each rollout promises. */
export function limitsOf({ timeline }: Scenario): RunRecord['limits'] {
  return Object.fromEntries(
    timeline.flatMap((entry) =>
      entry.action === 'rollout'
        ? [[entry.name, { safe: entry.safe, harm: entry.harm }] as const]
        : [],
    ),
  );
}

function actionText(entry: TimelineEntry): string | undefined {
  switch (entry.action) {
    case 'publish':
      return `publish ${entry.release}`;
    case 'rollout':
      return `rollout ${entry.name} of ${entry.release}`;
    case 'rollout-request':
      return `${entry.request} ${entry.rollout}`;
    case 'join':
      return `${entry.devices.count} join ${entry.group}`;
    case 'enrol-again':
      return 'enrol again';
    case 'fault':
      return undefined;
  }
}

function faultText({ fault, where, share }: FaultEntry): string {
  const part = share < 1 ? `, ${Math.round(share * 1000) / 10} %` : '';
  const whom = where.conditions.length > 0 ? `, ${selectorText(where)}` : '';
  return `${fault.kind}${whom}${part}`;
}

function selectorText({ conditions }: Selector): string {
  return conditions
    .map(({ key, isOneOf, values }) => {
      const [only] = values.length === 1 ? values : [];
      if (only !== undefined) return `${key} ${isOneOf ? '=' : '!='} ${only}`;
      return `${key} in [${values.join(', ')}]`;
    })
    .join(' and ');
}
