import { markup, type Markup } from './markup.js';
import type { Happening } from './run-record.js';
import { durationText, linear, timeTicks, ticks, type Scale } from './scale.js';

/** Places in a picture, in its own units. */
const width = 960;
const left = 64;
const right = 16;
const top = 12;
const bottom = 24;

/** What all pictures of a run have in common: its time, and what happened in it. */
export interface Timespan {
  readonly durationMs: number;
  readonly faults: readonly Happening[];
  readonly actions: readonly Happening[];
}

/** The place that a picture has for its data. */
export interface PlotArea {
  readonly x: Scale;
  readonly y: Scale;
}

/** Words for people who do not see the picture, and how its numbers are written. */
export interface PlotTerms {
  readonly title: string;
  readonly height: number;
  readonly from: number;
  readonly to: number;
  readonly format: (value: number) => string;
}

/** The scale of time, the same in all pictures of a run. */
function timeScale(durationMs: number): Scale {
  return linear([0, durationMs], [left, width - right]);
}

/** A picture over the time of a run: faults as bands, what people did as lines, a grid, and what `draw` puts on it. */
export function plot(
  span: Timespan,
  { title, height, from, to, format }: PlotTerms,
  draw: (area: PlotArea) => readonly Markup[],
): Markup {
  const x = timeScale(span.durationMs);
  const y = linear([from, to], [height - bottom, top]);
  const [above, below] = [top, height - bottom];
  return markup`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
${ticks(from, to, 4).map(
  (value) =>
    markup`<line class="grid" x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}"/><text class="tick end" x="${left - 8}" y="${y(value) + 4}">${format(value)}</text>`,
)}
${draw({ x, y })}
${span.faults.map((fault) => band(fault, x, above, below))}
${span.actions.map(
  ({ text, fromMs }) =>
    markup`<line class="action" x1="${x(fromMs)}" x2="${x(fromMs)}" y1="${above}" y2="${below}"><title>${durationText(fromMs)}: ${text}</title></line>`,
)}
${timeAxis(span.durationMs, x, below)}
</svg>`;
}

function band(
  { text, fromMs, untilMs }: Happening,
  x: Scale,
  above: number,
  below: number,
): Markup {
  const wide = Math.max(2, x(untilMs ?? fromMs) - x(fromMs));
  const words = markup`<title>${text}, ${timesText(fromMs, untilMs)}</title>`;
  return markup`<rect class="band" x="${x(fromMs)}" y="${above}" width="${wide}" height="${below - above}">${words}</rect><rect class="edge" x="${x(fromMs)}" y="${above - 4}" width="${wide}" height="4">${words}</rect>`;
}

function timeAxis(durationMs: number, x: Scale, y: number): Markup {
  return markup`<line class="axis" x1="${left}" x2="${width - right}" y1="${y}" y2="${y}"/>${timeTicks(
    durationMs,
    9,
  ).map(
    (ms) =>
      markup`<text class="tick middle" x="${x(ms)}" y="${y + 17}">${ms === 0 ? '0' : durationText(ms)}</text>`,
  )}`;
}

function timesText(fromMs: number, untilMs: number | undefined): string {
  return untilMs === undefined
    ? `at ${durationText(fromMs)}`
    : `${durationText(fromMs)} to ${durationText(untilMs)}`;
}

const laneHeight = 18;

/** What happened, a row each: people's actions as marks, faults as bars over their time. */
export function lanes({ durationMs, faults, actions }: Timespan): Markup | undefined {
  const all = [
    ...actions.map((each) => ({ ...each, style: 'done' })),
    ...faults.map((each) => ({ ...each, style: 'fault' })),
  ].sort((a, b) => a.fromMs - b.fromMs);
  if (all.length === 0) return undefined;
  const x = timeScale(durationMs);
  const height = top + all.length * laneHeight + bottom;
  const rows = all.map(({ text, fromMs, untilMs, style }, i) => {
    const y = top + i * laneHeight;
    const from = x(fromMs);
    const until = untilMs === undefined ? from + 6 : Math.max(from + 6, x(untilMs));
    // Where there is no room behind the bar, the words stand before it.
    const isBehind = until < width * 0.7;
    const at = isBehind ? until + 6 : from - 6;
    return markup`<rect class="${style}" x="${from}" y="${y + 3}" width="${until - from}" height="${laneHeight - 7}" rx="3"><title>${timesText(fromMs, untilMs)}</title></rect><text class="lane ${isBehind ? '' : 'end'}" x="${at}" y="${y + 13}">${text}</text>`;
  });
  return markup`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="What happened, over the time of the run">${rows}${timeAxis(durationMs, x, height - bottom)}</svg>`;
}
