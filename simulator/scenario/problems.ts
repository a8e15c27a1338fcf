/** The way to a value in the file. */
export type Path = readonly (string | number)[];

/** One thing that is wrong. */
export interface Problem {
  readonly path: Path;
  /** Goes on behind the key: `must be …`. */
  readonly message: string;
  /** What was given, where it helps. */
  readonly given?: unknown;
}

/** Takes what is wrong with the value at a path. */
export type Report = (path: Path, message: string) => void;

/** A file with hundreds of mistakes is another kind of file. */
const mistakesShown = 10;

/** A line for each mistake: line, key, what is allowed, what was given. */
export function describeProblems(
  problems: readonly Problem[],
  lineOf: (path: Path) => number,
): string {
  const lines = problems.slice(0, mistakesShown).map(({ path, message, given }) => {
    const shown = given === undefined ? '' : `; it is ${show(given)}`;
    return printable(`line ${lineOf(path)}: ${keyOf(path)} ${message}`) + shown;
  });
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`and ${more} more`);
  return lines.join('\n');
}

/** What is allowed, where it is a list of names from the file. */
export function namesShown(names: readonly string[]): string {
  const more = names.length > namesMost ? `, and ${names.length - namesMost} more` : '';
  return names.slice(0, namesMost).join(', ') + more;
}

const namesMost = 20;

/** `fleet[0].sensor.kind`. */
function keyOf(path: Path): string {
  const key = path.reduce<string>((before, part) => {
    if (typeof part === 'number') return `${before}[${part}]`;
    return before === '' ? shortened(part) : `${before}.${shortened(part)}`;
  }, '');
  return key === '' ? 'the file' : key;
}

function show(value: unknown): string {
  return printable(shortened(JSON.stringify(value)));
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** What a terminal would obey is shown as a question mark. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}]/gu, '?');
}
