import { codes, type Area, type CodeEntry } from '../../protocol/codes.js';

const areaTitles: Readonly<Record<Area, string>> = {
  usage: 'Command line',
  document: 'Signed documents',
  update: 'Life of a release',
  engine: 'Models and inference',
  input: 'Samples',
  configuration: 'Configuration',
  transport: 'Broker and network',
  storage: 'Storage',
};

/** The page that lists every code: `docs/codes.md`. */
export function renderCodesPage(): string {
  const lines = [
    '# Codes',
    '',
    'Every refusal, event and failure has one of these codes; a code never changes its meaning. This page is made from',
    '`protocol/codes.ts` by `npm run docs`.',
  ];
  for (const [area, title] of Object.entries(areaTitles)) {
    const entries = Object.entries<CodeEntry>(codes).filter(([, entry]) => entry.area === area);
    if (entries.length === 0) continue;
    lines.push('', `## ${title}`, '', '| code | what was wrong | what to do |', '|---|---|---|');
    for (const [code, { cause, remedy }] of entries) {
      lines.push(`| \`${code}\` | ${cause} | ${remedy} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}
