import type { Result } from '../../../protocol/result.js';
import { decodeRecord, type RecordCopy } from './record-codec.js';

/**
 * What was found of one of the two copies. `unreadable` cannot be read now; `misplaced`: a link or a folder is
 * where the copy should be, and somebody has to see to it.
 */
export type FoundCopy = ReturnType<typeof decodeRecord> | 'absent' | 'unreadable' | 'misplaced';

/** What came of reading a copy. */
export function foundCopy(file: Result<Uint8Array | undefined>): FoundCopy {
  if (file.ok) return file.value === undefined ? 'absent' : decodeRecord(file.value);
  switch (file.rejection.code) {
    // What is larger than any record was read far enough.
    case 'file-too-large':
      return 'damaged';
    case 'file-misplaced':
      return 'misplaced';
    default:
      return 'unreadable';
  }
}

/** What the two copies can come to. */
export type NewestCopy = RecordCopy | 'later' | 'unreadable' | 'absent' | 'lost';

/**
 * What the two copies come to. A copy that a later agent has written counts before all else: what it says is not
 * known, so that neither copy may be written. Before a whole copy is believed, the other must have been read: it may
 * be newer. `lost` where nothing is whole and what there is was read.
 */
export function newestCopy(found: readonly FoundCopy[]): NewestCopy {
  for (const state of ['later', 'unreadable'] as const) if (found.includes(state)) return state;
  const newest = newestWholeCopy(found);
  if (newest !== undefined) return newest;
  if (found.includes('misplaced')) return 'unreadable';
  return found.includes('damaged') ? 'lost' : 'absent';
}

/** The newest copy of those that are whole. */
export function newestWholeCopy(found: readonly FoundCopy[]): RecordCopy | undefined {
  let newest: RecordCopy | undefined;
  for (const copy of found) {
    if (typeof copy !== 'object') continue;
    if (newest === undefined || copy.generation > newest.generation) newest = copy;
  }
  return newest;
}
