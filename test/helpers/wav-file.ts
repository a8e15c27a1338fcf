/** How a WAV file for tests is written: 16 bits at 16 kHz, one channel, unless something else is said. */
export interface WavOptions {
  readonly tag?: number;
  readonly channels?: number;
  readonly sampleRateHz?: number;
  readonly bits?: number;
  readonly frameBytes?: number;
  /** What the header says, where that is not the length of the data. */
  readonly dataBytes?: number;
  /** Chunks before the samples, name and content. */
  readonly before?: readonly (readonly [name: string, content: Uint8Array])[];
  /** Writes the tag where WAVEFORMATEXTENSIBLE has it. */
  readonly extensible?: boolean;
}

/** A WAV file with these bytes as its samples. */
export function writeWav(data: Uint8Array, options: WavOptions = {}): Uint8Array {
  const { tag = 1, channels = 1, sampleRateHz = 16_000, bits = 16 } = options;
  const frameBytes = options.frameBytes ?? (channels * bits) / 8;
  const format = Buffer.alloc(options.extensible === true ? 40 : 16);
  format.writeUInt16LE(options.extensible === true ? 0xfffe : tag, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(sampleRateHz, 4);
  format.writeUInt32LE(sampleRateHz * frameBytes, 8);
  format.writeUInt16LE(frameBytes, 12);
  format.writeUInt16LE(bits, 14);
  if (options.extensible === true) format.writeUInt16LE(tag, 24);
  const chunks = [
    chunk('fmt ', format),
    ...(options.before ?? []).map(([name, content]) => chunk(name, content)),
    chunk('data', data, options.dataBytes),
  ];
  const body = Buffer.concat([Buffer.from('WAVE'), ...chunks]);
  const head = Buffer.from('RIFF\0\0\0\0');
  head.writeUInt32LE(body.length, 4);
  return new Uint8Array(Buffer.concat([head, body]));
}

/** Little-endian samples of 16 bits. */
export function samples16(values: readonly number[]): Uint8Array {
  return new Uint8Array(Int16Array.from(values).buffer);
}

function chunk(name: string, content: Uint8Array, claimed = content.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(claimed, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
}
