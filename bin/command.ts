/**
 * The shape of a command. Commands know nothing of the library that reads the command line, and print only
 * through the terminal they are given.
 */
export interface Command {
  /** The words that call it, such as `release build`. */
  readonly words: string;
  /** One sentence for the list of commands. */
  readonly summary: string;
  readonly positionals?: readonly Positional[];
  readonly options?: Readonly<Record<string, Option>>;
  /** Worked examples for `--help`: a command line and what it does. */
  readonly examples?: readonly (readonly [line: string, does: string])[];
  /** Runs it. Throws a CodedError for what it refuses; the area of the code decides the exit code. */
  run(given: Arguments, terminal: Terminal): Promise<ExitCode>;
}

/** 0 done, 1 a check failed, 2 usage or configuration, 3 unreachable, 4 refused or untrusted;
 * of `simulate` also 10 safety, 11 liveness, 12 crash, 13 not deterministic. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 10 | 11 | 12 | 13;

export interface Positional {
  readonly name: string;
  readonly describe: string;
  readonly optional?: boolean;
}

/** An option of the command line; its key is its name with two dashes. Only a list may be given again. */
export interface Option {
  readonly type: 'text' | 'number' | 'flag' | 'list';
  readonly describe: string;
  /** A one-letter alias. */
  readonly alias?: string;
  readonly required?: boolean;
  readonly default?: string | number;
}

/** What was given on the command line, checked against the command's positionals and options. */
export interface Arguments {
  /** The text of a positional or of a text option; undefined where it was not given and has no default. */
  text(name: string): string | undefined;
  /** The same for what is required or has a default. */
  requiredText(name: string): string;
  /** A finite number; undefined where it was not given and has no default. */
  number(name: string): number | undefined;
  /** A whole number within bounds, of an option that is required or has a default. */
  wholeNumber(name: string, least: number, most: number): number;
  /** The texts of a list, in order; empty where none was given. */
  list(name: string): readonly string[];
  /** Whether a flag was given. */
  flag(name: string): boolean;
}

export interface Terminal {
  /** Prints a line of results on standard output. */
  print(line: string): void;
  /** Prints one JSON value as one line on standard output. */
  printJson(value: unknown): void;
  /**
   * Tells on standard error how far something long has come. On a terminal the line replaces the one
   * before; elsewhere each is a line.
   */
  progress(text: string): void;
  /** Tells on standard error what the person must know; the line stays. */
  notice(text: string): void;
  /** What standard output is, where it is a terminal that text can be drawn on. */
  readonly screen: Screen | undefined;
  /** Resolves when the person asks the program to end (SIGINT or SIGTERM). */
  readonly interrupted: Promise<void>;
}

/** A terminal that shows a picture of text, one in the place of the other. */
export interface Screen {
  /** In characters, as they are now. */
  readonly size: { readonly columns: number; readonly rows: number };
  /** Replaces what is shown. Lines that are too long or too many are the caller's to cut. */
  show(lines: readonly string[]): void;
}

/** The option that every command with results has. */
export const jsonOption = {
  json: { type: 'flag', describe: 'Print results as JSON, for machines.' },
} as const satisfies Record<string, Option>;

/** The option of every command that needs the keys of the operator. */
export const keysOption = {
  keys: {
    type: 'text',
    describe: 'The folder that `keys new` made.',
    alias: 'k',
    required: true,
  },
} as const satisfies Record<string, Option>;
