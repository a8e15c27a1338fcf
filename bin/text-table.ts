/**
 * Lines of a table: a row of headings, then rows. Columns are as wide as their widest cell; those of
 * numbers are aligned to the right.
 */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): readonly string[] {
  const numeric = headings.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const texts = [headings, ...rows.map((row) => row.map(formatCell))];
  const widths = headings.map((_, column) =>
    Math.max(...texts.map((row) => row[column]?.length ?? 0)),
  );
  return texts.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return numeric[column] === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

function formatCell(cell: string | number): string {
  return typeof cell === 'number' ? formatNumber(cell) : cell;
}

/** Thousands apart, and at most two decimals: 1,234.56. */
export function formatNumber(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 2 });
}

/** Text from a file of strangers, made harmless for a terminal and no longer than it has to be. */
export function printable(text: string, length = 72): string {
  const shown = text.replace(/\p{C}/gu, '\ufffd');
  return shown.length <= length ? shown : `${shown.slice(0, length - 1)}…`;
}
