/**
 * The files of an operator, under paths as the system has them: keys, numbers, what was published, rollouts, the roster.
 *
 * Calls are synchronous: between what is read and what is written from it nothing else of this process happens. Other
 * processes are kept out by locks (`folder-lock.ts`). What fails throws what the system says.
 */
export interface Files {
  /** The bytes of a file, the caller's own; undefined where there is none. */
  read(file: string): Uint8Array | undefined;
  /** Whether there is a file or a folder. */
  exists(path: string): boolean;
  /**
   * The names in a folder, in the order of their code units; none where there is no folder. What {@link writeDurably} was cut
   * off from is not among them.
   */
  list(folder: string): readonly string[];
  /**
   * Replaces a file as a whole: when this returns the new content is durable, and whoever is killed or loses power before
   * that leaves the old or the new. The folder must be there. Texts are UTF-8.
   *
   * @param options.mode of a file that is new
   */
  writeDurably(file: string, content: string | Uint8Array, options?: { mode?: number }): void;
  /**
   * Writes a file that is not there yet, durably; throws where it is (`EEXIST`). The folder must be there. Not atomic: who is
   * cut off may leave a part.
   */
  writeNew(file: string, content: string | Uint8Array, options?: { mode?: number }): void;
  /** Removes a file; one that is not there is no failure. Not durable: after power loss it may be there again. */
  remove(file: string): void;
  /** Makes a folder that only its owner may enter, and those above it; one that is there stays as it is. */
  makeFolder(folder: string): void;
}
