import { encodeCbor } from '../../../protocol/cbor/encode.js';
import { limits } from '../../../protocol/limits.js';
import type { WindowId } from '../../../protocol/messages/command.js';
import { disagreementValue } from '../../../protocol/messages/disagreements.js';
import type { CapturedSize, KeptDisagreement } from '../../../protocol/messages/response.js';

/** What the items of one part may take together: the rest is for the fields around them. */
const itemBytes = 63_000;

/** The bytes of one piece of a captured window: one fits a part. */
const pieceBytes = 60_000;

/** What an item takes beside its texts and bytes, at most. */
const overheadBytes = 48;

/** A piece of a file that is to be sent. */
export interface PlannedPiece extends WindowId {
  readonly offset: number;
  readonly length: number;
  /** The size of the file when the answer was planned; 0 where there is none. */
  readonly of: number;
}

/** Puts items together, in order, so that each part fits a message. Always at least one part. */
function intoParts<T>(
  items: readonly T[],
  bytesOf: (item: T) => number,
): readonly (readonly T[])[] {
  const parts: T[][] = [];
  let left = 0;
  for (const item of items) {
    const bytes = overheadBytes + bytesOf(item);
    let part = parts.at(-1);
    if (part === undefined || bytes > left || part.length === limits.responseItems) {
      part = [];
      parts.push(part);
      left = itemBytes;
    }
    part.push(item);
    left -= bytes;
  }
  return parts.length === 0 ? [[]] : parts;
}

export function disagreementParts(
  entries: readonly KeptDisagreement[],
): readonly (readonly KeptDisagreement[])[] {
  // A UTF-16 unit takes three bytes at most.
  return intoParts(
    entries,
    (entry) => encodeCbor(disagreementValue(entry)).length + 3 * (entry.truth?.length ?? 0),
  );
}

export function capturedParts(
  windows: readonly CapturedSize[],
): readonly (readonly CapturedSize[])[] {
  return intoParts(windows, () => 0);
}

/** Cuts files into pieces. A window that is not kept has one piece, of nothing. */
export function captureParts(
  wanted: readonly WindowId[],
  kept: readonly CapturedSize[],
): readonly (readonly PlannedPiece[])[] {
  const pieces = wanted.flatMap(({ boot, window }) => {
    const of = kept.find((each) => each.boot === boot && each.window === window)?.bytes ?? 0;
    const cut: PlannedPiece[] = [];
    for (let offset = 0; offset === 0 || offset < of; offset += pieceBytes) {
      cut.push({ boot, window, offset, length: Math.min(pieceBytes, of - offset), of });
    }
    return cut;
  });
  return intoParts(pieces, ({ length }) => length);
}
