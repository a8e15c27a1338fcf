import { CodedError } from '../../protocol/coded-error.js';
import { limits } from '../../protocol/limits.js';
import {
  parseCapturedWindow,
  type CapturedWindow,
} from '../../protocol/messages/captured-window.js';
import type { WindowId } from '../../protocol/messages/command.js';
import type { CapturedSize, CapturePiece } from '../../protocol/messages/response.js';
import { askDevice, type AskedDevice, type FieldTools } from './ask-device.js';

export interface FetchOptions {
  readonly slot: string;
  /** How long the device has for each answer. */
  readonly timeoutMs: number;
  /** Called with how many windows have come, of how many. */
  readonly progress: (come: number, of: number) => void;
}

/** Bytes of one question: its answer is gone again before the next. */
const batchBytes = 8 * 1_048_576;

/** Times that a window is asked for that did not come whole. */
const attempts = 3;

/** The windows that a device has captured, of which `take` is given each. Throws `capture-incomplete`, and what {@link askDevice} throws. */
export async function fetchCaptures(
  tools: FieldTools,
  device: AskedDevice,
  options: FetchOptions,
  take: (window: CapturedWindow) => void,
): Promise<number> {
  const index = await readIndex(tools, device, options);
  let come = 0;
  let missing = index;
  for (let attempt = 1; missing.length > 0 && attempt <= attempts; attempt++) {
    const left: CapturedSize[] = [];
    for (const batch of inBatches(missing)) {
      const files = await fetchBatch(tools, device, batch, options);
      for (const each of batch) {
        const file = files.get(nameOf(each));
        const captured = file && parseCapturedWindow(file);
        if (captured?.ok === true && isWindow(captured.value, each)) {
          take(captured.value);
          options.progress(++come, index.length);
        } else {
          left.push(each);
        }
      }
    }
    missing = left;
    // The oldest go where the room is needed, and a label makes a file larger: what is there now counts.
    if (missing.length > 0) missing = still(missing, await readIndex(tools, device, options));
  }
  if (missing.length === 0) return come;
  const detail = `${device.deviceId}: ${missing.length} of ${index.length} windows did not come`;
  throw new CodedError('capture-incomplete', detail);
}

async function readIndex(
  tools: FieldTools,
  device: AskedDevice,
  { slot, timeoutMs }: FetchOptions,
): Promise<readonly CapturedSize[]> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const question = { slot, request: 'captured', windows: [], timeoutMs } as const;
    const answer = await askDevice(tools, device, question);
    if (!answer.isWhole) continue;
    return answer.contents.flatMap((content) =>
      content.kind === 'captured' ? content.windows : [],
    );
  }
  throw new CodedError('capture-incomplete', `${device.deviceId}: the list of windows`);
}

async function fetchBatch(
  tools: FieldTools,
  device: AskedDevice,
  windows: readonly CapturedSize[],
  { slot, timeoutMs }: FetchOptions,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const question = { slot, request: 'capture', windows, timeoutMs } as const;
  const { contents } = await askDevice(tools, device, question).catch((error: unknown) => {
    // The device has told what it holds: what is lost on the way is asked for again.
    if (error instanceof CodedError && error.code === 'command-unanswered') return { contents: [] };
    throw error;
  });
  const pieces = contents.flatMap((content) => (content.kind === 'capture' ? content.pieces : []));
  return joined(pieces);
}

/** Files whose pieces are all there. */
function joined(pieces: readonly CapturePiece[]): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, { readonly bytes: Uint8Array; next: number }>();
  // Parts are in order, and so are the pieces of a file.
  for (const piece of pieces) {
    if (piece.of === 0) continue;
    const name = nameOf(piece);
    const file = files.get(name) ?? { bytes: new Uint8Array(piece.of), next: 0 };
    if (file.bytes.length !== piece.of || file.next !== piece.offset) continue;
    file.bytes.set(piece.bytes, piece.offset);
    file.next += piece.bytes.length;
    files.set(name, file);
  }
  return new Map(
    [...files].flatMap(([name, { bytes, next }]) => (next === bytes.length ? [[name, bytes]] : [])),
  );
}

function inBatches(windows: readonly CapturedSize[]): readonly (readonly CapturedSize[])[] {
  const batches: CapturedSize[][] = [];
  let left = 0;
  for (const window of windows) {
    let batch = batches.at(-1);
    if (batch === undefined || left < window.bytes || batch.length === limits.commandWindows) {
      batch = [];
      batches.push(batch);
      left = batchBytes;
    }
    batch.push(window);
    left -= window.bytes;
  }
  return batches;
}

function still(
  missing: readonly CapturedSize[],
  index: readonly CapturedSize[],
): readonly CapturedSize[] {
  const names = new Set(missing.map(nameOf));
  return index.filter((each) => names.has(nameOf(each)));
}

function isWindow({ entry }: CapturedWindow, { boot, window }: WindowId): boolean {
  return entry.boot === boot && entry.window === window;
}

function nameOf({ boot, window }: WindowId): string {
  return `${boot}/${window}`;
}
