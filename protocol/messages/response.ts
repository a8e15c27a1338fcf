import { encodeCbor } from '../cbor/encode.js';
import {
  checkBytes,
  checkInteger,
  checkList,
  checkText,
  parseFields,
  refuseField,
  type Fields,
} from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';
import { codes, type Code } from '../codes.js';
import { limits } from '../limits.js';
import { refuse, type Rejection, type Result } from '../result.js';
import { deviceIdPattern, slotPattern } from '../topics.js';
import type { WindowId } from './command.js';
import { disagreementValue, parseDisagreement, type Disagreement } from './disagreements.js';

/** One part of the answer to a command. Each part makes sense without the others. Signed by the key of the device. */
export interface Response {
  readonly deviceId: string;
  readonly slot: string;
  /** Of the command. */
  readonly correlation: Uint8Array;
  /** From 0, and how many parts the answer has. */
  readonly part: number;
  readonly parts: number;
  readonly content: ResponseContent;
}

export type ResponseContent =
  | { readonly kind: 'refused'; readonly rejection: Rejection }
  | { readonly kind: 'disagreements'; readonly entries: readonly KeptDisagreement[] }
  | { readonly kind: 'captured'; readonly windows: readonly CapturedSize[] }
  | { readonly kind: 'capture'; readonly pieces: readonly CapturePiece[] };

/** A window on which the two differ, and its true label where that is known. */
export interface KeptDisagreement extends Disagreement {
  readonly truth: string | undefined;
}

/** A window that was captured, and the size of its file. */
export interface CapturedSize extends WindowId {
  readonly bytes: number;
}

/** A piece of the file of a captured window (`captured-window.ts`). Empty, of a file of none: it is gone. */
export interface CapturePiece extends WindowId {
  readonly offset: number;
  /** The size of the whole file. */
  readonly of: number;
  readonly bytes: Uint8Array;
}

const kinds = ['refused', 'disagreements', 'captured', 'capture'] as const;
const anyInteger = [0, Number.MAX_SAFE_INTEGER] as const;
const fileBytes = [0, limits.captureFileBytes] as const;

/** Reads a part from a payload whose signature holds. Refuses with `document-invalid` and `document-too-large`. */
export function parseResponse(payload: Uint8Array): Result<Response> {
  if (payload.length > limits.responseBytes) {
    return refuse('document-too-large', `${payload.length} bytes, at most ${limits.responseBytes}`);
  }
  return parseFields(payload, 'response', (fields) => {
    fields.integer(0, [1, 1]);
    const parts = fields.integer(5, [1, limits.responseParts]);
    return {
      deviceId: fields.text(1, [1, 64], deviceIdPattern),
      slot: fields.text(2, [1, 32], slotPattern),
      correlation: fields.bytes(3, [8, 16]),
      part: fields.integer(4, [0, parts - 1]),
      parts,
      content: parseContent(fields),
    };
  });
}

/** The payload of a part, in deterministic CBOR. */
export function encodeResponse(response: Response): Uint8Array {
  const { content } = response;
  return encodeCbor(
    new Map<number, CborValue>([
      [0, 1],
      [1, response.deviceId],
      [2, response.slot],
      [3, response.correlation],
      [4, response.part],
      [5, response.parts],
      [6, kinds.indexOf(content.kind)],
      [7, contentValue(content)],
    ]),
  );
}

function contentValue(content: ResponseContent): readonly CborValue[] {
  switch (content.kind) {
    case 'refused':
      return [content.rejection.code, content.rejection.detail];
    case 'disagreements':
      return content.entries.map(keptValue);
    case 'captured':
      return content.windows.map(({ boot, window, bytes }) => [boot, window, bytes]);
    case 'capture':
      return content.pieces.map(({ boot, window, offset, of, bytes }) => [
        boot,
        window,
        offset,
        of,
        bytes,
      ]);
  }
}

function keptValue(entry: KeptDisagreement): CborValue {
  return entry.truth === undefined
    ? [disagreementValue(entry)]
    : [disagreementValue(entry), entry.truth];
}

function parseContent(fields: Fields): ResponseContent {
  const kind = fields.choice(6, kinds);
  const most = [0, limits.responseItems] as const;
  switch (kind) {
    case 'refused':
      return { kind, rejection: fields.value(7, parseRejection) };
    case 'disagreements':
      return { kind, entries: fields.list(7, most, parseKept) };
    case 'captured':
      return { kind, windows: fields.list(7, most, parseSize) };
    case 'capture':
      return { kind, pieces: fields.list(7, most, parsePiece) };
  }
}

function parseRejection(value: CborValue, path: string): Rejection {
  const [code, detail] = checkList(value, [2, 2], path);
  const text = checkText(code, [1, 64], undefined, `${path}[0]`);
  if (!isCode(text)) return refuseField(path, 'names an unknown code');
  return { code: text, detail: checkText(detail, [0, limits.detailLength], undefined, path) };
}

function isCode(text: string): text is Code {
  return Object.hasOwn(codes, text);
}

function parseKept(value: CborValue, path: string): KeptDisagreement {
  const [entry, truth] = checkList(value, [1, 2], path);
  return {
    ...parseDisagreement(entry ?? [], `${path}[0]`),
    truth:
      truth === undefined
        ? undefined
        : checkText(truth, [1, limits.labelBytes], undefined, `${path}[1]`),
  };
}

function parseSize(value: CborValue, path: string): CapturedSize {
  const [boot, window, bytes] = checkList(value, [3, 3], path);
  return { ...parseId(boot, window, path), bytes: checkInteger(bytes, fileBytes, `${path}[2]`) };
}

function parsePiece(value: CborValue, path: string): CapturePiece {
  const [boot, window, offset, of, bytes] = checkList(value, [5, 5], path);
  const whole = checkInteger(of, fileBytes, `${path}[3]`);
  const from = checkInteger(offset, [0, whole], `${path}[2]`);
  return {
    ...parseId(boot, window, path),
    offset: from,
    of: whole,
    bytes: checkBytes(bytes, [0, whole - from], `${path}[4]`),
  };
}

function parseId(
  boot: CborValue | undefined,
  window: CborValue | undefined,
  path: string,
): WindowId {
  return {
    boot: checkInteger(boot, anyInteger, `${path}[0]`),
    window: checkInteger(window, anyInteger, `${path}[1]`),
  };
}
