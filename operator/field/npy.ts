/** Magic and version 1.0 of the format (NumPy Enhancement Proposal 1), and the size of the header's length. */
const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0);
const lengthBytes = 2;

/** Where the data begin is a multiple of it. */
const alignment = 64;

/**
 * A NumPy array file (.npy, version 1.0) of float32 in C order.
 *
 * @param samples frames x channels values, little-endian
 */
export function encodeNpy(
  samples: Uint8Array,
  { frames, channels }: { readonly frames: number; readonly channels: number },
): Uint8Array {
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${frames}, ${channels}), }`;
  const before = magic.length + lengthBytes;
  const headLength = Math.ceil((before + dictionary.length + 1) / alignment) * alignment;
  const header = `${dictionary.padEnd(headLength - before - 1)}\n`;
  const file = new Uint8Array(headLength + samples.length);
  file.set(magic);
  new DataView(file.buffer).setUint16(magic.length, header.length, true);
  file.set(new TextEncoder().encode(header), before);
  file.set(samples, headLength);
  return file;
}
