import { crc32 } from 'node:zlib';

/**
 * Follows the reports of one device to whoever is to hear them: the controller while one listens, else the broker. Reports that a
 * power cut ended on their way are nobody's loss.
 */
export class ReportLedger {
  /** When each was made that was not heard yet, by its checksum: it names start and number. */
  #open = new Map<number, number>();

  made(payload: Uint8Array, atMs: number): void {
    this.#open.set(crc32(payload), atMs);
  }

  /** It was heard, perhaps not for the first time. */
  heard(payload: Uint8Array): void {
    this.#open.delete(crc32(payload));
  }

  powerCut(): void {
    this.#open = new Map();
  }

  /** Reports that were made by then and not heard. */
  missing(madeByMs: number): number {
    let missing = 0;
    for (const atMs of this.#open.values()) if (atMs <= madeByMs) missing++;
    return missing;
  }
}
