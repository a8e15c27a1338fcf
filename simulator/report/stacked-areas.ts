import { markup, type Markup } from './markup.js';
import { plot, type PlotTerms, type Timespan } from './plot.js';

/** One layer: its name, and a value for each instant. */
export interface Layer {
  readonly name: string;
  readonly values: readonly number[];
  /** A class of the style sheet: `s1` to `s8`, or one with a meaning. */
  readonly style: string;
}

/** Colours for so many layers; what comes behind is put together. */
const coloursMost = 8;

/** The layers of a table of counts by name: the largest first, and all beyond the colours as one. */
export function layersOf(
  rows: readonly Readonly<Record<string, number>>[],
  order: readonly string[] = [],
): readonly Layer[] {
  const sums = new Map<string, number>(order.map((name) => [name, 0]));
  for (const row of rows)
    for (const [name, value] of Object.entries(row)) sums.set(name, (sums.get(name) ?? 0) + value);
  const names = [...sums.keys()].filter((name) => (sums.get(name) ?? 0) > 0);
  if (order.length === 0) names.sort((a, b) => (sums.get(b) ?? 0) - (sums.get(a) ?? 0));
  const valuesOf = (of: readonly string[]): number[] =>
    rows.map((row) => of.reduce((sum, name) => sum + (row[name] ?? 0), 0));
  const isWhole = names.length <= coloursMost;
  const shown = isWhole ? names : names.slice(0, coloursMost - 1);
  const layers = shown.map((name, i) => ({ name, values: valuesOf([name]), style: `s${i + 1}` }));
  if (isWhole) return layers;
  const rest = names.slice(shown.length);
  return [
    ...layers,
    { name: `${rest.length} others`, values: valuesOf(rest), style: `s${coloursMost}` },
  ];
}

/**
 * Layers on top of each other over time.
 *
 * @param isStepped whether a value holds for the time before its instant, as sums do; else it changes evenly to the next one
 */
export function stackedAreas(
  span: Timespan,
  terms: Omit<PlotTerms, 'from' | 'to'>,
  timesMs: readonly number[],
  layers: readonly Layer[],
  isStepped: boolean,
): Markup {
  const tops: number[][] = [];
  let before = timesMs.map(() => 0);
  for (const { values } of layers) {
    before = before.map((sum, i) => sum + (values[i] ?? 0));
    tops.push(before);
  }
  const most = Math.max(1e-9, ...before);
  return plot(span, { ...terms, from: 0, to: most }, ({ x, y }) =>
    layers.map(({ name, style }, i) => {
      const high = outline(timesMs, tops[i] ?? [], isStepped);
      const low = outline(timesMs, tops[i - 1] ?? timesMs.map(() => 0), isStepped).reverse();
      const points = [...high, ...low].map(([ms, value]) => `${x(ms)},${y(value)}`).join(' ');
      return markup`<polygon class="area ${style}" points="${points}"><title>${name}</title></polygon>`;
    }),
  );
}

function outline(
  timesMs: readonly number[],
  values: readonly number[],
  isStepped: boolean,
): (readonly [number, number])[] {
  return timesMs.flatMap((ms, i) => {
    const value = values[i] ?? 0;
    const beforeMs = timesMs[i - 1];
    return isStepped && beforeMs !== undefined
      ? [[beforeMs, value] as const, [ms, value] as const]
      : [[ms, value] as const];
  });
}

/** What the colours mean, and how much there is of each in the end or altogether. */
export function legend(layers: readonly Layer[], amountOf: (layer: Layer) => string): Markup {
  return markup`<ul class="legend">${layers.map(
    (layer) =>
      markup`<li><span class="key ${layer.style}"></span>${layer.name} <b>${amountOf(layer)}</b></li>`,
  )}</ul>`;
}
