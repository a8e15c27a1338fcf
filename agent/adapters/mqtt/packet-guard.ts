/** The fixed header's remaining length has at most four bytes (MQTT 3.1.1, 2.2.3; MQTT 5, 2.1.4). */
const longestLengthBytes = 4;

const publishType = 3;

/** Why nothing more may pass. */
export interface PacketRefusal {
  readonly code: 'packet-too-large' | 'packet-invalid';
  readonly detail: string;
}

/**
 * Follows the packets of a connection by their fixed headers alone. MQTT.js checks sizes only after the
 * whole packet is in memory; here the announced length is enough to stop.
 */
export class PacketGuard {
  readonly #packetBytes: number;
  /** Bytes of the present packet's body that are still to come. */
  #bodyBytes = 0;
  /** How much of the fixed header is read: 0 before its first byte. */
  #headerBytes = 0;
  #length = 0;
  #refusal: PacketRefusal | undefined;

  /** The size of the packet of which a part has come; 0 between two packets. */
  get packetUnderWay(): number {
    return this.#bodyBytes > 0 ? this.#length : this.#headerBytes;
  }

  constructor(packetBytes: number) {
    this.#packetBytes = packetBytes;
  }

  /** Reads on; says what is wrong with the chunk, and with everything after it. */
  check(chunk: Uint8Array): PacketRefusal | undefined {
    let at = 0;
    while (at < chunk.length && this.#refusal === undefined) {
      if (this.#bodyBytes > 0) {
        const skipped = Math.min(this.#bodyBytes, chunk.length - at);
        this.#bodyBytes -= skipped;
        at += skipped;
      } else {
        const byte = chunk[at++] ?? 0;
        this.#refusal = this.#headerBytes === 0 ? this.#begin(byte) : this.#lengthen(byte);
      }
    }
    return this.#refusal;
  }

  #begin(byte: number): PacketRefusal | undefined {
    this.#headerBytes = 1;
    this.#length = 0;
    // Subscriptions are for QoS 1 at most, and a broker keeps to what it granted (MQTT 3.1.1, 3.8.4). Messages
    // at QoS 2 would pile up until their release, which a broker can withhold.
    if (byte >> 4 !== publishType || ((byte >> 1) & 3) < 2) return undefined;
    return { code: 'packet-invalid', detail: 'a message above QoS 1, which nobody asked for' };
  }

  #lengthen(byte: number): PacketRefusal | undefined {
    this.#length += (byte & 0x7f) * 128 ** (this.#headerBytes - 1);
    this.#headerBytes++;
    const most = this.#packetBytes;
    if (this.#headerBytes + this.#length > most) {
      return {
        code: 'packet-too-large',
        detail: `a packet of ${this.#length} bytes or more; at most ${most} are read`,
      };
    }
    if ((byte & 0x80) === 0) {
      this.#bodyBytes = this.#length;
      this.#headerBytes = 0;
    } else if (this.#headerBytes > longestLengthBytes) {
      return { code: 'packet-too-large', detail: 'a packet whose length has no end' };
    }
    return undefined;
  }
}
