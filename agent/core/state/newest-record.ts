import { decodeRecord, type RecordCopy } from './record-codec.js';

/** The copy of the record that counts on a disk: the newest whole one; undefined where there is none. */
export function newestRecord(
  read: (name: 'state/a' | 'state/b') => Uint8Array | undefined,
): RecordCopy | undefined {
  const copies = (['state/a', 'state/b'] as const).flatMap((name) => {
    const bytes = read(name);
    const copy = bytes === undefined ? undefined : decodeRecord(bytes);
    return typeof copy === 'object' ? [copy] : [];
  });
  return copies.sort((a, b) => b.generation - a.generation)[0];
}
