/** The classes of a release, from its artifact of the role `labels`: a text with one name a line, in the order of the scores. */
export function readClassNames(labels: Uint8Array): readonly string[] {
  const lines = new TextDecoder().decode(labels).split(/\r?\n/);
  return lines.filter((line) => line !== '');
}
