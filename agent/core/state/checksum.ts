/**
 * CRC-32 (ISO-HDLC, the one of Ethernet and gzip) of the bytes, as an unsigned integer. It tells torn and
 * rotten copies from whole ones; it is no protection against intent.
 */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    // The reflected polynomial is applied where the bit that falls out is set.
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return (crc ^ 0xffffffff) >>> 0;
}
