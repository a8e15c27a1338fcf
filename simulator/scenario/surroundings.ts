import type { Result } from '../../protocol/result.js';

/** What a scenario file cannot know by itself. */
export interface Surroundings {
  /** The absolute path of what the file names, if it is there; else words that go on behind its key. */
  locate(name: string, kind: 'file' | 'folder'): Result<string>;
  /** The path of a file that lies beside the models of the demo. */
  demoFile(name: string): string;
  /** The boards that are shipped. */
  readonly boards: readonly string[];
}

/** What the command line says instead of the file. */
export interface Overrides {
  readonly seed?: number | undefined;
  /** All groups together have so many devices. */
  readonly devices?: number | undefined;
}
