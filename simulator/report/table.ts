import { markup, type Content, type Markup } from './markup.js';

/** A table. @param numbers the columns that have numbers */
export function table(
  heads: readonly string[],
  rows: readonly (readonly Content[])[],
  numbers: readonly number[] = [],
): Markup {
  const styleOf = (column: number): string => (numbers.includes(column) ? 'number' : '');
  return markup`<table><thead><tr>${heads.map(
    (head, i) => markup`<th class="${styleOf(i)}">${head}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (row) =>
      markup`<tr>${row.map((cell, i) => markup`<td class="${styleOf(i)}">${cell}</td>`)}</tr>\n`,
  )}</tbody></table>`;
}
