/**
 * Makes sure that one process at a time uses a folder, and gives the way to leave it; undefined where
 * another one has it. The lock ends with its process, however that ends.
 */
export type TryLock = (folder: string) => Promise<(() => Promise<void>) | undefined>;
