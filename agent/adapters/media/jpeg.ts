import { decode } from 'jpeg-js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import { readOrientation, upright } from './orientation.js';
import { pictureMost, sizeMistake, type Picture } from './picture.js';

/** Second bytes of the markers; the first is always 255. */
const markers = { begin: 0xd8, end: 0xd9, scan: 0xda, exif: 0xe1, adobe: 0xee } as const;

/** Frames that are read: baseline, extended and progressive, with Huffman codes. */
const frames: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2]);

/** Frames of all kinds; what lies between them are tables (0xc4), a reserved number and 0xcc. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Each scan of a progressive picture costs as much as a picture: ten are usual. */
const scansMost = 100;

/** What the library may take, by its own count: the largest picture in full colour takes half of it. */
const memoryMostMb = 256;

const exifName = 'Exif\0\0';

/** What the headers say, and the part of the file that the library is to see. */
interface Parts {
  readonly width: number;
  readonly height: number;
  readonly components: number;
  readonly kept: readonly Uint8Array[];
  readonly orientation: number;
}

/**
 * Reads a JPEG as it is to be seen: EXIF orientation is obeyed. Refuses with `picture-invalid`.
 *
 * The library does not notice where a picture ends too early, and reads remarks as well: so the file is walked from marker to
 * marker first, to its end, and it sees the tables and the scans alone.
 *
 * @param mistakeOf what is wrong with a size, besides being too large to be decoded at all
 */
export function readJpeg(
  bytes: Uint8Array,
  mistakeOf: (width: number, height: number) => string | undefined,
): Result<Picture> {
  const parts = split(bytes);
  if (typeof parts === 'string') return refuse('picture-invalid', parts);
  const { width, height } = parts;
  const mistake = sizeMistake(width, height) ?? mistakeOf(width, height);
  if (mistake !== undefined) return refuse('picture-invalid', mistake);
  try {
    const { data } = decode(Buffer.concat(parts.kept), {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: pictureMost / 1e6,
      maxMemoryUsageInMB: memoryMostMb,
    });
    if (data.length !== width * height * 3) {
      return refuse('picture-invalid', 'the pixels are not those of the header');
    }
    return accept(upright({ width, height, channels: 3, data }, parts.orientation));
  } catch (error) {
    return refuse('picture-invalid', error instanceof Error ? error.message : String(error));
  }
}

/** A text says what is wrong with the file. */
function split(bytes: Uint8Array): Parts | string {
  if (bytes[0] !== 0xff || bytes[1] !== markers.begin) return 'the bytes are no JPEG';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Uint8Array[] = [bytes.subarray(0, 2)];
  let frame: Pick<Parts, 'width' | 'height' | 'components'> | undefined;
  let orientation = 1;
  let scans = 0;
  for (let at = 2; at + 2 <= bytes.length;) {
    if (bytes[at] !== 0xff) return 'there is something between two parts of the picture';
    const marker = bytes[at + 1] ?? 0;
    // Markers may be preceded by any number of these.
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === markers.end) {
      if (frame === undefined || scans === 0) return 'the picture has no pixels';
      kept.push(bytes.subarray(at, at + 2));
      return { ...frame, kept, orientation };
    }
    if (at + 4 > bytes.length) break;
    const length = view.getUint16(at + 2);
    let end = at + 2 + length;
    if (length < 2 || end > bytes.length) break;
    const content = bytes.subarray(at + 4, end);
    if (isFrame(marker)) {
      if (frame !== undefined) return 'the picture has two frames';
      const read = readFrame(marker, content);
      if (typeof read === 'string') return read;
      frame = read;
    } else if (marker === markers.exif) {
      const name = String.fromCharCode(...content.subarray(0, exifName.length));
      if (name === exifName) orientation = readOrientation(content.subarray(exifName.length));
    } else if (marker === markers.scan) {
      if (++scans > scansMost) return `more than ${scansMost} scans`;
      end = endOfScan(bytes, end);
    }
    // Remarks of programs (APP0 to APP15, comments) say nothing about pixels, but for the one of Adobe.
    const isRemark =
      (marker >= 0xe0 && marker <= 0xef && marker !== markers.adobe) || marker === 0xfe;
    if (!isRemark) kept.push(bytes.subarray(at, end));
    at = end;
  }
  return 'the picture is cut off';
}

function readFrame(
  marker: number,
  content: Uint8Array,
): Pick<Parts, 'width' | 'height' | 'components'> | string {
  if (!frames.has(marker)) return `a frame of type ${marker - 0xc0} is not read`;
  if (content.length < 6) return 'the frame is cut off';
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const [precision, height, width] = [view.getUint8(0), view.getUint16(1), view.getUint16(3)];
  const components = view.getUint8(5);
  if (precision !== 8) return `${precision} bits are not read`;
  if (components !== 1 && components !== 3) return `${components} components; 1 and 3 are read`;
  if (content.length !== 6 + 3 * components) return 'the frame has another length than it needs';
  for (let component = 0; component < components; component++) {
    const sampling = view.getUint8(7 + 3 * component);
    const [across, down] = [sampling >> 4, sampling & 15];
    if (across < 1 || across > 4 || down < 1 || down > 4) return `sampling of ${across} x ${down}`;
  }
  return { width, height, components };
}

/** Where the next marker begins that is no part of the coded pixels: those of restarts are, and a stuffed 255. */
function endOfScan(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1] ?? 0;
    const isCoded = next === 0 || next === 0xff || (next >= 0xd0 && next <= 0xd7);
    if (!isCoded) return at;
  }
  return bytes.length;
}
