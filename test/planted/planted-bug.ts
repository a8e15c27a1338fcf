/** A mistake that somebody could make in a source file, and the tests that must notice it. */
export interface PlantedBug {
  readonly name: string;
  /** The source file, from the root. */
  readonly file: string;
  /** What stands there once, up to white space. */
  readonly search: string;
  /** What stands there instead. */
  readonly replacement: string;
  /** Test files, from the root, at least one of which must fail. */
  readonly specs: readonly string[];
}

/**
 * Plants a bug in the text of its file. Throws where what it searches for is not there exactly once: the file was
 * changed since, and the bug must be written anew.
 */
export function plant(text: string, { name, file, search, replacement }: PlantedBug): string {
  const words = search.trim().split(/\s+/).map(escapeForPattern);
  const pattern = new RegExp(words.join('\\s+'), 'g');
  const places = [...text.matchAll(pattern)];
  if (places.length !== 1) {
    throw new Error(`${name}: ${file} has ${places.length} places like ${search}`);
  }
  return text.replace(pattern, () => replacement);
}

function escapeForPattern(word: string): string {
  return word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
