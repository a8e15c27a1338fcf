/** A line of `docs/speed.jsonl`: what an inference took of us and of TensorFlow.js TFLite in one run of a bench. */
export interface SpeedFigure {
  readonly processor: string;
  readonly node: number;
  readonly model: string;
  readonly oursUs: number;
  readonly peerUs: number;
}

const row = { height: 30, bar: 10 } as const;
const panel = { width: 440, left: 150, top: 64, right: 56, bottom: 40 } as const;

/** Ratios at the left and right end; those in between lie as their logarithms do. */
const ends = [0.5, 8] as const;
const marks = [0.5, 1, 2, 4, 8];

const style = [
  'text { font: 13px system-ui, sans-serif; fill: #24292f; } .small { font-size: 11px; fill: #57606a; }',
  '.title { font-weight: 600; } .grid { stroke: #d0d7de; } .even { stroke: #57606a; }',
  '.older { fill: #54aeff; } .newer { fill: #0550ae; }',
].join('\n');

/** Reads the lines of `docs/speed.jsonl`. */
export function readSpeedFigures(text: string): readonly SpeedFigure[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as SpeedFigure);
}

/** Draws how many times as fast as its peer each model is, as an SVG: a panel for each processor, two bars for each model. */
export function drawSpeed(figures: readonly SpeedFigure[]): string {
  const processors = distinct(figures.map(({ processor }) => processor));
  const own = processors.map((processor) =>
    figures.filter((figure) => figure.processor === processor),
  );
  const rows = Math.max(...own.map((each) => distinct(each.map(({ model }) => model)).length));
  const [width, height] = [processors.length * panel.width, heightOf(rows)];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    '<title>How many times as fast as TensorFlow.js TFLite each model is</title>',
    `<style>\n${style}\n</style>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`,
    ...own.flatMap((each, i) => [
      `<g transform="translate(${i * panel.width} 0)">`,
      ...drawPanel(processors[i] ?? '', each),
      '</g>',
    ]),
    '</svg>',
    '',
  ].join('\n');
}

function drawPanel(title: string, figures: readonly SpeedFigure[]): readonly string[] {
  const models = distinct(figures.map(({ model }) => model));
  const nodes = [...distinct(figures.map(({ node }) => node))].sort((a, b) => a - b);
  const bottom = heightOf(models.length) - panel.bottom;
  return [
    `<text x="16" y="22" class="title">${title}</text>`,
    '<text x="16" y="40" class="small">times as fast as TensorFlow.js TFLite:</text>',
    ...nodes.flatMap((node, i) => [
      `<rect x="${230 + 76 * i}" y="31" width="10" height="10" class="${shadeOf(i)}"/>`,
      `<text x="${245 + 76 * i}" y="40" class="small">Node ${node}</text>`,
    ]),
    ...marks.flatMap((ratio) => [
      `<line x1="${x(ratio)}" y1="${panel.top - 8}" x2="${x(ratio)}" y2="${bottom}" class="${ratio === 1 ? 'even' : 'grid'}"/>`,
      `<text x="${x(ratio)}" y="${bottom + 16}" class="small" text-anchor="middle">${ratio}</text>`,
    ]),
    ...models.flatMap((model, at) => {
      const top = panel.top + at * row.height;
      return [
        `<text x="${panel.left - 10}" y="${top + row.bar + 4}" text-anchor="end">${model}</text>`,
        ...nodes.flatMap((node, i) => {
          const found = figures.find((each) => each.model === model && each.node === node);
          const ratio = found === undefined ? undefined : found.peerUs / found.oursUs;
          return ratio === undefined ? [] : drawBar(ratio, top + i * (row.bar + 1), shadeOf(i));
        }),
      ];
    }),
  ];
}

/** From one to the ratio, with the ratio at its end. */
function drawBar(ratio: number, top: number, shade: string): readonly string[] {
  const [from, to] = [x(Math.min(1, ratio)), x(Math.max(1, ratio))];
  return [
    `<rect x="${from}" y="${top}" width="${round(to - from)}" height="${row.bar}" class="${shade}"/>`,
    `<text x="${round(to + 4)}" y="${top + row.bar - 1}" class="small">${ratio.toFixed(2)}</text>`,
  ];
}

function shadeOf(node: number): 'older' | 'newer' {
  return node === 0 ? 'older' : 'newer';
}

function heightOf(rows: number): number {
  return panel.top + rows * row.height + panel.bottom;
}

/** Where a ratio lies; what is beyond the ends lies at them. */
function x(ratio: number): number {
  const [least, most] = ends;
  const within = Math.max(least, Math.min(most, ratio));
  const share = Math.log(within / least) / Math.log(most / least);
  return round(panel.left + share * (panel.width - panel.left - panel.right));
}

/** A tenth of a pixel is enough, and the same on every machine. */
function round(value: number): number {
  return Math.round(10 * value) / 10;
}

function distinct<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}
