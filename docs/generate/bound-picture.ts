/** What was certain at one look: windows a device so far, and the bounds of the mean paired loss. */
export interface Look {
  readonly windows: number;
  readonly lower: number;
  readonly upper: number;
}

/** The looks of one rollout in the shadow, and what they ended with. */
export interface BoundCourse {
  readonly title: string;
  readonly verdict: 'safe' | 'harm';
  readonly looks: readonly Look[];
}

/** What the bounds must pass, as losses a window. */
export interface Margins {
  readonly safe: number;
  readonly harm: number;
}

const panel = { width: 400, height: 240, left: 64, top: 48, right: 24, bottom: 52 } as const;

/** More wrong answers than this per 100 windows, or fewer, are beyond the picture. */
const mostPer100 = 40;

const style = [
  'text { font: 13px system-ui, sans-serif; fill: #24292f; } .small { font-size: 11px; fill: #57606a; }',
  '.title { font-weight: 600; } .axis { stroke: #8c959f; } .band { fill: #54aeff; fill-opacity: .35; }',
  '.bound { fill: none; stroke: #0969da; stroke-width: 1.5; }',
  '.safe { stroke: #1a7f37; fill: #1a7f37; } .harm { stroke: #cf222e; fill: #cf222e; }',
  'line.safe, line.harm { stroke-dasharray: 4 3; } text.safe, text.harm { stroke: none; }',
].join('\n');

/**
 * Draws how the bounds of each rollout close on its decision, as an SVG: wrong answers of the challenger more than of the
 * champion, per 100 windows, over the windows of a device.
 */
export function drawBounds(courses: readonly BoundCourse[], margins: Margins): string {
  const width = courses.length * panel.width;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${panel.height}" width="${width}" height="${panel.height}" role="img">`,
    '<title>How the bounds of the mean paired loss close on a decision</title>',
    `<style>\n${style}\n</style>`,
    `<rect width="${width}" height="${panel.height}" rx="8" fill="#ffffff"/>`,
    ...courses.flatMap((course, i) => [
      `<g transform="translate(${i * panel.width} 0)">`,
      ...drawCourse(course, margins),
      '</g>',
    ]),
    '</svg>',
    '',
  ].join('\n');
}

function drawCourse({ title, verdict, looks }: BoundCourse, margins: Margins): readonly string[] {
  const last = Math.max(1, ...looks.map(({ windows }) => windows));
  const x = (windows: number): number =>
    round(panel.left + (windows / last) * (panel.width - panel.left - panel.right));
  const y = (loss: number): number => {
    const per100 = Math.max(-mostPer100, Math.min(mostPer100, 100 * loss));
    const share = (mostPer100 - per100) / (2 * mostPer100);
    return round(panel.top + share * (panel.height - panel.top - panel.bottom));
  };
  const path = (bound: 'lower' | 'upper'): string =>
    looks.map((look) => `${x(look.windows)},${y(look[bound])}`).join(' ');
  const back = [...looks].reverse().map((look) => `${x(look.windows)},${y(look.lower)}`);
  const [left, right] = [x(0), x(last)];
  const decided = looks.at(-1);
  return [
    `<text x="${left}" y="20" class="title">${title}</text>`,
    `<text x="${left}" y="36" class="small">more wrong answers per 100 windows than the champion</text>`,
    ...[-mostPer100, -mostPer100 / 2, 0, mostPer100 / 2, mostPer100].map(
      (per100) =>
        `<text x="${left - 8}" y="${y(per100 / 100) + 4}" class="small" text-anchor="end">${per100 > 0 ? '+' : ''}${per100}</text>`,
    ),
    `<line x1="${left}" y1="${y(0)}" x2="${right}" y2="${y(0)}" class="axis"/>`,
    `<polygon points="${path('upper')} ${back.join(' ')}" class="band"/>`,
    `<polyline points="${path('upper')}" class="bound"/>`,
    `<polyline points="${path('lower')}" class="bound"/>`,
    ...(['safe', 'harm'] as const).map(
      (name) =>
        `<line x1="${left}" y1="${y(margins[name])}" x2="${right}" y2="${y(margins[name])}" class="${name}"/>`,
    ),
    ...(decided === undefined
      ? []
      : [
          `<circle cx="${x(decided.windows)}" cy="${y(verdict === 'safe' ? decided.upper : decided.lower)}" r="4" class="${verdict}"/>`,
          `<text x="${right}" y="${panel.height - 14}" class="${verdict}" text-anchor="end">${verdict} after ${decided.windows} windows a device</text>`,
        ]),
    ...looks.map(
      ({ windows }) =>
        `<line x1="${x(windows)}" y1="${panel.height - panel.bottom}" x2="${x(windows)}" y2="${panel.height - panel.bottom + 4}" class="axis"/>`,
    ),
  ];
}

/** A tenth of a pixel is enough, and the same on every machine. */
function round(value: number): number {
  return Math.round(10 * value) / 10;
}
