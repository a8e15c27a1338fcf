import type { Result } from '../../protocol/result.js';

/**
 * Named files of one device, in a flat tree `folder/name`. Names match
 * `[a-z]{1,16}/[A-Za-z0-9._-]{1,160}` and never start with a dot; anything else is a broken invariant and throws.
 *
 * Operations are carried out one after the other, in the order of their calls, and each is one countable
 * operation for fault injection. Answers come later than the call, and never reject; a simulation gives no native promises. A failed operation is never retried by the adapter: what it may have
 * left behind is garbage that the caller removes or overwrites. Failures carry area `storage`
 * (`storage-full`; `storage-failed`, which may pass; `file-misplaced` where a link or a folder has taken the name).
 */
export interface Storage {
  /** The bytes of a file, or undefined where there is none; refuses files over `limitBytes` (`file-too-large`). */
  read(name: string, limitBytes: number): PromiseLike<Result<Uint8Array | undefined>>;
  /**
   * Replaces the file as a whole: after the completion the new bytes are durable; after power loss before
   * it, the file holds either the old or the new bytes, never a mixture.
   */
  write(name: string, bytes: Uint8Array): PromiseLike<Result<void>>;
  /**
   * Writes bytes at an offset, making the file where there is none and filling gaps with zeros.
   * Not durable, not atomic: power loss may leave any part of it. For partial files, which are checked
   * against their block hashes before use.
   */
  writeAt(name: string, offset: number, bytes: Uint8Array): PromiseLike<Result<void>>;
  /**
   * Makes `from` durable under the name `to`, replacing what was there: fsync, rename, fsync of the folders.
   * After power loss either name may hold it, complete only if `to` exists.
   */
  move(from: string, to: string): PromiseLike<Result<void>>;
  /** Removes a file durably; a file that is not there is no failure. */
  remove(name: string): PromiseLike<Result<void>>;
  /** Names and sizes of all files in a folder, in no particular order; an absent folder is empty. */
  list(
    folder: string,
  ): PromiseLike<Result<readonly { readonly name: string; readonly bytes: number }[]>>;
  /** Bytes that can still be written before `limits.storageBytes` or the disk itself is full. */
  freeBytes(): PromiseLike<Result<number>>;
}
