const c1 = 0xcc9e2d51;
const c2 = 0x1b873593;

/**
 * MurmurHash3_x86_32 of Austin Appleby (SMHasher): a uint32 that is spread evenly over what is hashed.
 * It makes fair lots and keeps no secret: whoever knows the salt can find a name for any lot.
 */
export function murmur3(bytes: Uint8Array, seed = 0): number {
  const wholeBytes = bytes.length & ~3;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hash = seed | 0;
  for (let at = 0; at < wholeBytes; at += 4) {
    hash ^= scramble(view.getInt32(at, true));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  // The one to three bytes left over, little-endian like the whole words.
  let tail = 0;
  for (let at = bytes.length - 1; at >= wholeBytes; at--) tail = (tail << 8) | view.getUint8(at);
  // Without a tail this changes nothing: 0 scrambles to 0.
  hash ^= scramble(tail);
  return avalanche(hash ^ bytes.length) >>> 0;
}

function scramble(word: number): number {
  const mixed = Math.imul(word, c1);
  return Math.imul((mixed << 15) | (mixed >>> 17), c2);
}

/** Lets every bit of the input change every bit of the result with a chance of one half. */
function avalanche(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
