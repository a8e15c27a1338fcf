import { Transform, type TransformCallback } from 'node:stream';

/** The fixed header's remaining length has at most four bytes (MQTT 3.1.1 and 5, 2.2.3 and 2.1.4). */
const longestLengthBytes = 4;

/**
 * Lets MQTT packets pass until one announces more than `packetBytes`. MQTT.js checks sizes only after the
 * whole packet is in memory; here the length in the fixed header is enough to stop.
 */
export class PacketGuard extends Transform {
  readonly #packetBytes: number;
  readonly #tooLarge: (bytes: number) => void;
  /** Bytes of the present packet's body that are still to come. */
  #body = 0;
  /** Where in the fixed header we are: 0 before the first byte, then the number of length bytes read. */
  #headerBytes = 0;
  #length = 0;
  #stopped = false;

  /** `tooLarge` is called once with the announced length; nothing passes afterwards. */
  constructor(packetBytes: number, tooLarge: (bytes: number) => void) {
    super();
    this.#packetBytes = packetBytes;
    this.#tooLarge = tooLarge;
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    if (!this.#stopped && !this.#check(chunk)) {
      this.#stopped = true;
      this.#tooLarge(this.#length);
    }
    done(null, this.#stopped ? undefined : chunk);
  }

  /** Follows the packets through a chunk; false where one is too large or its length has no end. */
  #check(chunk: Buffer): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body > 0) {
        const skipped = Math.min(this.#body, chunk.length - at);
        this.#body -= skipped;
        at += skipped;
      } else if (this.#headerBytes === 0) {
        at++;
        this.#headerBytes = 1;
        this.#length = 0;
      } else {
        const byte = chunk[at++] ?? 0;
        this.#length += (byte & 0x7f) * 128 ** (this.#headerBytes - 1);
        if (this.#length > this.#packetBytes) return false;
        if ((byte & 0x80) === 0) {
          this.#body = this.#length;
          this.#headerBytes = 0;
        } else if (++this.#headerBytes > longestLengthBytes) return false;
      }
    }
    return true;
  }
}
