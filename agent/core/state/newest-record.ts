import { newestWholeCopy } from './newest-copy.js';
import { decodeRecord, type RecordCopy } from './record-codec.js';

/** The copy of the record that counts on a disk: the newest whole one; undefined where there is none. */
export function newestRecord(
  read: (name: 'state/a' | 'state/b') => Uint8Array | undefined,
): RecordCopy | undefined {
  const found = (['state/a', 'state/b'] as const).map((name) => {
    const bytes = read(name);
    return bytes === undefined ? 'absent' : decodeRecord(bytes);
  });
  return newestWholeCopy(found);
}
