import type { ModelReport, OperatorReport, PlacementReport } from '../loader/model-report.js';

/** Measures of the picture, in its own units. */
const row = 24;
const column = 30;
const border = 20;
const tableWidth = 460;
const arenaHeight = 320;
const barWidth = 120;

/**
 * Draws a model as SVG: its operators with their share of the multiply-accumulates and of the moved bytes, and
 * below them the plan of the arena: time from left to right, one column for each moment, and each tensor or
 * scratch buffer where it lies and for as long as it is needed.
 */
export function drawModel(report: ModelReport, title: string): string {
  const { operators, placements, arenaBytes } = report;
  const tableHeight = (operators.length + 2) * row;
  const moments = Math.max(operators.length, ...placements.map(({ last }) => last)) + 1;
  const width = Math.max(tableWidth + 2 * barWidth, moments * column) + 2 * border;
  const height = tableHeight + arenaHeight + 5 * row;
  const top = tableHeight + 3 * row;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    '<style>',
    'text { font: 12px system-ui, sans-serif; fill: #24292f; } .head { font-weight: bold; }',
    '.macs { fill: #0969da; } .moved { fill: #bf8700; } .plan { stroke: #ffffff; }',
    '</style>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(
      border,
      row,
      `${title}: ${count(report.macs)} MACs, arena ${count(arenaBytes)} bytes`,
      'head',
    ),
    text(border, 2 * row, 'operator', 'head'),
    text(tableWidth, 2 * row, 'MACs', 'head'),
    text(tableWidth + barWidth, 2 * row, 'moved bytes', 'head'),
    ...operators.flatMap((operator, i) => operatorRow(operator, i, report)),
    text(border, top - row / 2, `arena: ${count(arenaBytes)} bytes, by operator`, 'head'),
    ...placements.map((placement) => placementRect(placement, top, report)),
    // What an operator calls takes moments of its own: then no number of an operator fits.
    ...(report.called.length > 0 ? [] : operators).map((_, i) =>
      text(border + (i + 1) * column + 8, top + arenaHeight + row, String(i)),
    ),
    '</svg>',
    '',
  ].join('\n');
}

function operatorRow(operator: OperatorReport, index: number, report: ModelReport): string[] {
  const y = (index + 3) * row;
  const output = report.tensors[operator.outputs[0] ?? -1];
  const shape = output === undefined ? '' : `${output.shape.join(' x ')} ${output.type}`;
  const bar = (x: number, share: number, kind: string): string =>
    `<rect x="${x}" y="${y - 11}" width="${(share * (barWidth - 20)).toFixed(1)}" height="12" class="${kind}"/>`;
  return [
    text(border, y, `${index}  ${operator.name}`),
    text(border + 210, y, shape),
    bar(tableWidth, operator.macs / Math.max(1, report.macs), 'macs'),
    bar(tableWidth + barWidth, operator.movedBytes / Math.max(1, report.movedBytes), 'moved'),
  ];
}

/** Time 0 is when the inputs are written, n + 1 is operator n. */
function placementRect(placement: PlacementReport, top: number, report: ModelReport): string {
  const { subgraph, tensor, offset, byteLength, first, last } = placement;
  const scale = arenaHeight / Math.max(1, report.arenaBytes);
  const hue = ((tensor < 0 ? 0 : tensor) * 47) % 360;
  const what = tensor < 0 ? 'scratch' : `tensor ${tensor}`;
  const name = [report, ...report.called][subgraph]?.tensors[tensor]?.name ?? '';
  const fill = tensor < 0 ? '#8c959f' : `hsl(${hue} 55% 70%)`;
  return [
    `<rect x="${border + first * column}" y="${(top + offset * scale).toFixed(1)}"`,
    ` width="${(last - first + 1) * column}" height="${(byteLength * scale).toFixed(1)}" fill="${fill}" class="plan">`,
    `<title>${escapeXml(`${what} ${name}: ${count(byteLength)} bytes at ${count(offset)}`)}</title></rect>`,
  ].join('');
}

function text(x: number, y: number, words: string, kind = ''): string {
  const style = kind === '' ? '' : ` class="${kind}"`;
  return `<text x="${x}" y="${y}"${style}>${escapeXml(words)}</text>`;
}

function count(number: number): string {
  return number.toLocaleString('en-GB');
}

/** Names come from the model: nothing in them may be read as markup, or be no character of XML. */
function escapeXml(words: string): string {
  return words
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '�')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;');
}
