/** The class names of a file, one a line; blank lines and blanks around a name mean nothing. */
export function parseLabelsFile(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
