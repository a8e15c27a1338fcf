import type { Ending, Forecast } from '../operator/plan/forecast.js';
import { formatTable } from './text-table.js';

/** A forecast as lines for people: a table by effect, the ramp, what cannot be shown, and why it is refused. */
export function planLines({ shadow, ramp, caveats, refusals, terms }: Forecast): readonly string[] {
  const rows = shadow.map(({ effect, safe, harm }) => [
    effect === 0 ? 'as good' : `${percent(effect)} more wrong`,
    ...cellsOf(safe),
    ...cellsOf(harm),
  ]);
  const headings = ['challenger', 'safe', 'windows', 'time', 'harm', 'windows', 'time'];
  return [
    ...(rows.length === 0 ? [] : formatTable(headings, rows)),
    ...(ramp === undefined
      ? []
      : [
          `then ${ramp.steps === 1 ? '1 step' : `${ramp.steps} steps`} of the ramp for one that is as good: ${ramp.windows} windows of each served device, ${duration(ramp.ms)}`,
        ]),
    ...(rows.length === 0
      ? []
      : [
          `windows of each device (${terms.devices} in all); half of the rollouts need less. Devices are taken to be alike and windows to be independent: a real fleet takes longer`,
        ]),
    ...caveats.map((caveat) => `- ${caveat}`),
    ...refusals.map(({ code, detail }) => `${code}: ${detail}`),
  ];
}

function cellsOf({ share, windows, ms }: Ending): readonly string[] {
  if (windows === undefined || ms === undefined) return [percent(share), '-', '-'];
  return [percent(share), String(windows), duration(ms)];
}

/** A few digits, in the unit that people would take. */
function duration(ms: number): string {
  const units = [
    [86_400_000, 'days'],
    [3_600_000, 'h'],
    [60_000, 'min'],
  ] as const;
  const [size, name] = units.find(([each]) => ms >= 2 * each) ?? [1_000, 's'];
  return `${Number((ms / size).toPrecision(2))} ${name}`;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}
