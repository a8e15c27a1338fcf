/** Maps a number of the run to a place in the picture. */
export type Scale = (value: number) => number;

export function linear(
  [from, to]: readonly [number, number],
  [low, high]: readonly [number, number],
): Scale {
  const span = to - from || 1;
  return (value) => Math.round((low + ((value - from) / span) * (high - low)) * 100) / 100;
}

/** Round numbers from `from` to `to`, about `count` of them. */
export function ticks(from: number, to: number, count: number): readonly number[] {
  const span = to - from;
  if (!(span > 0)) return [from];
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10);
  return multiples(step, from, to);
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const timeSteps = [
  ...[1_000, 5_000, 15_000, 30_000].map((each) => each),
  ...[1, 2, 5, 10, 15, 30].map((each) => each * minuteMs),
  ...[1, 2, 3, 6, 12].map((each) => each * hourMs),
  ...[1, 2, 7, 14, 30, 90, 365].map((each) => each * dayMs),
];

/** Instants of a run as people count them, about `count` of them. */
export function timeTicks(durationMs: number, count: number): readonly number[] {
  const step = timeSteps.find((each) => each * count >= durationMs) ?? durationMs;
  return multiples(step, 0, durationMs);
}

function multiples(step: number, from: number, to: number): readonly number[] {
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** `90 s`, `2 h 30 min`, `3 days`: at most two units. */
export function durationText(ms: number): string {
  if (ms < minuteMs) return `${Math.round(ms / 100) / 10} s`;
  const units = [
    [dayMs, 'd'],
    [hourMs, 'h'],
    [minuteMs, 'min'],
    [1_000, 's'],
  ] as const;
  const at = units.findIndex(([unitMs]) => ms >= unitMs);
  const [unitMs, unit] = units[at] ?? units[3];
  const [nextMs, next] = units[at + 1] ?? [1, 'ms'];
  const whole = Math.floor(ms / unitMs);
  const rest = Math.floor((ms - whole * unitMs) / nextMs);
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${next}`;
}

/** A number with three digits that count. */
export function numberText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  for (const [power, unit] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const)
    if (Math.abs(value) >= power) return `${Number((value / power).toPrecision(3))} ${unit}`;
  return String(Number(value.toPrecision(3)));
}

/** Bytes in units of a thousand, as scales have round numbers of them. */
export function bytesText(bytes: number): string {
  for (const [power, unit] of [
    [1e9, 'GB'],
    [1e6, 'MB'],
    [1e3, 'kB'],
  ] as const)
    if (bytes >= power) return `${Number((bytes / power).toPrecision(3))} ${unit}`;
  return `${Math.round(bytes)} B`;
}
