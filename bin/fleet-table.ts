import type { FleetRow, SlotRow } from '../operator/fleet/fleet-view.js';

/** What a table is drawn for. */
export interface TableFrame {
  /** In characters; lines are cut. */
  readonly columns: number;
  /** Lines at most, with heading and summary; those that do not fit are counted. */
  readonly rows: number;
  /** The wall clock, in milliseconds since the epoch. */
  readonly nowMs: number;
  /** Only this slot; all of them where absent. */
  readonly slot: string | undefined;
}

interface Column {
  readonly heading: string;
  /** Narrow terminals lose columns with the highest rank first; those of rank 0 stay. */
  readonly rank: number;
  readonly cell: (line: Line, nowMs: number) => string;
}

/** A line of the table: a device, and one of its slots where it has any. */
interface Line {
  readonly device: FleetRow;
  readonly name: string | undefined;
  readonly slot: SlotRow | undefined;
}

const unknown = '-';

const allColumns: readonly Column[] = [
  { heading: 'device', rank: 0, cell: ({ device }) => device.deviceId },
  { heading: 'slot', rank: 1, cell: ({ name }) => name ?? unknown },
  { heading: 'online', rank: 0, cell: ({ device }) => presenceOf(device) },
  { heading: 'release', rank: 0, cell: ({ slot }) => releaseOf(slot) },
  { heading: 'phase', rank: 0, cell: ({ slot }) => slot?.phase ?? unknown },
  { heading: 'code', rank: 2, cell: ({ slot }) => slot?.code ?? '' },
  { heading: 'agreement', rank: 3, cell: ({ slot }) => agreementOf(slot) },
  { heading: 'right', rank: 4, cell: ({ slot }) => rightOf(slot) },
  { heading: 'p50/p95', rank: 6, cell: ({ slot }) => latencyOf(slot) },
  { heading: 'seen', rank: 5, cell: ({ device }, nowMs) => ageOf(device.lastSeen, nowMs) },
];

const gap = '  ';

/** The fleet as lines: a heading, a line for each slot of each device, a summary, and what was refused of labels. */
export function drawFleet(rows: readonly FleetRow[], frame: TableFrame): readonly string[] {
  const lines = linesOf(rows, frame.slot);
  const slots = new Set(lines.flatMap(({ name }) => name ?? []));
  const columns = allColumns.filter(({ heading }) => heading !== 'slot' || slots.size > 1);
  const table = fit(columns, lines, frame);
  const refused = frame.rows < 4 ? [] : refusedLabels(lines);
  const room = Math.max(1, frame.rows - 2 - refused.length);
  const shown = lines.length <= room ? lines.length : room - 1;
  return [
    ...table.slice(0, shown + 1),
    ...(shown < lines.length ? [`... and ${lines.length - shown} more`] : []),
    summarise(rows, lines),
    ...refused,
  ].map((line) => line.slice(0, frame.columns).trimEnd());
}

/**
 * A device as lines that only change when it does something: one for each slot, without ages, counts and latencies, which grow
 * all the time.
 */
export function describeDevice(device: FleetRow, only: string | undefined): readonly string[] {
  return linesOf([device], only).map((line) => {
    const { slot, name } = line;
    const words = [device.deviceId, name ?? unknown, `online ${presenceOf(device)}`];
    const code = slot?.code === undefined ? [] : [slot.code];
    return [...words, `release ${releaseOf(slot)}`, slot?.phase ?? unknown, ...code].join('  ');
  });
}

/** Counts by presence, phase and release, in one line. */
function summarise(rows: readonly FleetRow[], lines: readonly Line[]): string {
  const online = rows.filter((row) => row.online === true).length;
  const silent = rows.filter((row) => row.online === undefined).length;
  const ignored = rows.reduce((total, row) => total + row.ignored, 0);
  const missing = rows.reduce((total, row) => total + row.reportsMissing, 0);
  const slots = lines.flatMap(({ slot }) => slot ?? []);
  return [
    `${rows.length} devices, ${online} online`,
    ...(silent > 0 ? [`${silent} never heard of`] : []),
    ...countsOf(slots.flatMap(({ phase }) => phase ?? [])).map(([phase, n]) => `${n} ${phase}`),
    ...countsOf(slots.flatMap(({ current }) => current ?? [])).map(
      ([release, n]) => `${n} run ${release}`,
    ),
    ...(ignored > 0 ? [`${ignored} messages ignored`] : []),
    ...(missing > 0 ? [`${missing} reports missing`] : []),
  ].join(', ');
}

/** A line where devices refused true labels: how many, and why. A rollout waits for those that count. */
function refusedLabels(lines: readonly Line[]): readonly string[] {
  const sums = new Map<string, number>();
  for (const [cause, n] of lines.flatMap(({ slot }) => Object.entries(slot?.labelsRefused ?? {}))) {
    sums.set(cause, n + (sums.get(cause) ?? 0));
  }
  const causes = [...sums].sort(([, a], [, b]) => b - a).map(([cause, n]) => `${n} ${cause}`);
  return causes.length === 0 ? [] : [`labels refused: ${causes.join(', ')}`];
}

function linesOf(rows: readonly FleetRow[], only: string | undefined): readonly Line[] {
  return rows.flatMap((device): readonly Line[] => {
    const slots = Object.entries(device.slots).filter(([name]) => (only ?? name) === name);
    if (slots.length === 0) return [{ device, name: undefined, slot: undefined }];
    return slots.map(([name, slot]) => ({ device, name, slot }));
  });
}

/** The whole table, without the columns that there is no room for. */
function fit(
  columns: readonly Column[],
  lines: readonly Line[],
  frame: TableFrame,
): readonly string[] {
  const cells = lines.map((line) => columns.map(({ cell }) => cell(line, frame.nowMs)));
  const texts = [columns.map(({ heading }) => heading), ...cells];
  const widths = columns.map((_, i) =>
    texts.reduce((w, row) => Math.max(w, row[i]?.length ?? 0), 0),
  );
  const width = widths.reduce((total, each) => total + each + gap.length, -gap.length);
  const last = columns.reduce((a, b) => (b.rank > a.rank ? b : a));
  if (width > frame.columns && last.rank > 0) {
    return fit(
      columns.filter((column) => column !== last),
      lines,
      frame,
    );
  }
  return texts.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(gap));
}

function countsOf<T>(values: readonly T[]): readonly (readonly [T, number])[] {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}

function presenceOf({ online, enrolled }: FleetRow): string {
  const word = online === undefined ? 'never' : online ? 'yes' : 'no';
  return enrolled ? word : `${word} (not enrolled)`;
}

function releaseOf(slot: SlotRow | undefined): string {
  if (slot === undefined) return unknown;
  const current = String(slot.current ?? unknown);
  return slot.candidate === undefined ? current : `${current} > ${slot.candidate}`;
}

function agreementOf(slot: SlotRow | undefined): string {
  const { agreements, windows } = slot?.agreement ?? { agreements: 0, windows: 0 };
  return shareOf(agreements, windows);
}

function rightOf(slot: SlotRow | undefined): string {
  const { right, labelled } = slot?.right ?? { right: 0, labelled: 0 };
  return shareOf(right, labelled);
}

/** Shares are cut, not rounded: 100 % is said only of all. */
function shareOf(part: number, whole: number): string {
  if (whole === 0) return unknown;
  return `${(Math.floor((part / whole) * 1000) / 10).toFixed(1)}% of ${whole}`;
}

function latencyOf(slot: SlotRow | undefined): string {
  if (slot?.latencyUs === undefined) return unknown;
  const { p50, p95 } = slot.latencyUs;
  return `${(p50 / 1000).toFixed(2)}/${(p95 / 1000).toFixed(2)} ms`;
}

function ageOf(seenMs: number | undefined, nowMs: number): string {
  if (seenMs === undefined) return unknown;
  const seconds = Math.max(0, Math.floor((nowMs - seenMs) / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3_600)} h`;
}
