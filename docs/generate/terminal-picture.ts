/** How wide and high a character is, in units of the picture, and the border around the text. */
const character = { width: 8.4, height: 18 } as const;
const border = 20;

/** Draws what a program printed on a terminal as an SVG, for people who would rather look than run. */
export function drawTerminal(printed: string, command: string): string {
  const lines = [`$ ${command}`, ...printed.trimEnd().split('\n')];
  const columns = Math.max(...lines.map((line) => line.length));
  const width = Math.ceil(columns * character.width + 2 * border);
  const height = lines.length * character.height + 2 * border;
  const texts = lines.map((line, i) => {
    const y = border + (i + 0.75) * character.height;
    return `<text x="${border}" y="${y}" class="${styleOf(line)}" xml:space="preserve">${escapeXml(line)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>What ${escapeXml(command)} prints</title>`,
    '<style>',
    'text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #c9d1d9; }',
    '.heading { fill: #ffffff; font-weight: bold; } .refused { fill: #f0883e; } .good { fill: #7ee787; }',
    '</style>',
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    ...texts,
    '</svg>',
    '',
  ].join('\n');
}

/** Lines without indentation are headings; good and bad news have a colour each. */
function styleOf(line: string): 'heading' | 'refused' | 'good' | 'plain' {
  if (/^\S/.test(line)) return 'heading';
  if (/refused by/.test(line)) return 'refused';
  if (/committed by|still serves/.test(line)) return 'good';
  return 'plain';
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
