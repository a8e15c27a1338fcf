import type { ComputeRates } from './cost-model.js';

/** What latencies do not tell, and how exact they are. */
const digits = 6;

/**
 * The file of a board with these rates, which is for the rest as another one.
 *
 * @param like the file of the other board, whose keys stand at the beginning of lines
 * @param comment lines for whoever reads it
 */
export function formatBoard(
  name: string,
  rates: Omit<ComputeRates, 'operatorUs'>,
  like: string,
  comment: readonly string[],
): string {
  const conv = `${decimal(rates.convNs)} ns`;
  const other = `${decimal(rates.otherNs)} ns`;
  const fc = `${decimal(rates.fullyConnectedNs)} ns`;
  const own: Readonly<Record<string, string>> = {
    board: `board: ${name}`,
    compute: `compute: { conv: ${conv}, other: ${other}, fc: ${fc} }`,
  };
  const lines = like
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => own[line.split(':', 1)[0] ?? ''] ?? line);
  return [...comment.map((line) => `# ${line}`), ...lines].join('\n');
}

/** Without an exponent, which files do not have. */
function decimal(value: number): string {
  const decimals = Math.min(14, Math.max(0, digits - 1 - Math.floor(Math.log10(value))));
  const text = value.toFixed(decimals);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
