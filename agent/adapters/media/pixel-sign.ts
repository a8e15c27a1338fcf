/**
 * How the bytes of a grey picture stand for brightness. Cameras and image programs write 0 for black and
 * 255 for white. Tools around int8 models often store the tensor itself, -128 for black and 127 for
 * white, and such a file is still a valid picture: only its bright half comes before its dark half.
 */
export type PixelSign = 'unsigned' | 'signed';

/** From so large a step between neighbours on, a sharp edge is rarer than a wrong reading. */
const cliff = 192;

/** Share of neighbours with a cliff between them that a picture hardly ever has. */
const cliffShare = 0.005;

/** How many times fewer cliffs the signed reading must have. */
const cliffRatio = 8;

/** Signed brightness so near the middle is what drawings in black and white turn into. */
const middle = 16;
const middleShare = 0.25;

/**
 * Tells which reading makes a picture of the bytes. In the wrong one every edge through medium grey
 * becomes a cliff from black to white. Drawings are full of cliffs and look calm in the signed reading
 * too, but then they are one even grey. Without clear evidence the bytes are unsigned.
 *
 * @param grey brightness in the unsigned reading, 0 to 255, row after row
 */
export function detectPixelSign(grey: Float32Array, width: number): PixelSign {
  let unsignedCliffs = 0;
  let signedCliffs = 0;
  let nearMiddle = 0;
  for (let pixel = 0; pixel < grey.length; pixel++) {
    const value = grey[pixel] ?? 0;
    const signed = toSigned(value);
    if (Math.abs(signed - 128) <= middle) nearMiddle++;
    for (const neighbour of [pixel - 1, pixel - width]) {
      if (neighbour < 0 || (neighbour === pixel - 1 && pixel % width === 0)) continue;
      const other = grey[neighbour] ?? 0;
      if (Math.abs(value - other) >= cliff) unsignedCliffs++;
      if (Math.abs(signed - toSigned(other)) >= cliff) signedCliffs++;
    }
  }
  const isSigned =
    unsignedCliffs > 2 * grey.length * cliffShare &&
    unsignedCliffs > cliffRatio * signedCliffs &&
    nearMiddle < grey.length * middleShare;
  return isSigned ? 'signed' : 'unsigned';
}

/** Turns brightness of the unsigned reading into that of the signed one, in place. */
export function readSigned(grey: Float32Array): void {
  for (let pixel = 0; pixel < grey.length; pixel++) grey[pixel] = toSigned(grey[pixel] ?? 0);
}

/** Brightness of a byte that holds -128 to 127. */
function toSigned(value: number): number {
  return value < 128 ? value + 128 : value - 128;
}
