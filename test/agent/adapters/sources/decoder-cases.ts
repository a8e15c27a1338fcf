import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeMedia } from '../../../../agent/adapters/media/decode-media.js';
import type { MediaForm } from '../../../../agent/adapters/media/media-job.js';
import type { PixelSign } from '../../../../agent/adapters/media/pixel-sign.js';
import type { Decoder } from '../../../../agent/adapters/sources/decoder.js';

/** The values, or the code of the refusal. */
export function outcomeOf(decode: Decoder, message: Uint8Array | string): number[] | string {
  const bytes = typeof message === 'string' ? new TextEncoder().encode(message) : message;
  const result = decode(bytes);
  return result.ok ? [...result.value] : result.rejection.code;
}

/** A decoder of files, in this thread. */
export function mediaDecoder(
  form: Omit<MediaForm, 'sampleRateHz'> & { readonly sampleRateHz?: number | undefined },
  read: (reading: PixelSign) => void = () => undefined,
): Decoder {
  return (bytes) => {
    const decoded = decodeMedia(bytes, { sampleRateHz: undefined, ...form });
    if (!decoded.ok) return decoded;
    if (decoded.value.reading !== undefined) read(decoded.value.reading);
    return { ok: true, value: decoded.value.values };
  };
}

/** Whatever comes, a decoder gives whole frames of finite values, or its code; it never throws. */
export function fuzzDecoder(
  decode: Decoder,
  channels: number,
  code: 'sample-invalid' | 'picture-invalid' | 'sound-invalid',
  messages: fc.Arbitrary<Uint8Array>,
  numRuns = 2_000,
): void {
  fc.assert(
    fc.property(messages, (message) => {
      const result = decode(message);
      if (result.ok) {
        assert.equal(result.value.length % channels, 0);
        assert.ok(result.value.length > 0);
        assert.ok(result.value.every(Number.isFinite));
      } else assert.ok([code, 'source-mismatch'].includes(result.rejection.code));
    }),
    { seed: 1, numRuns },
  );
}

/** A good message with bytes changed, cut off, or put in. */
export function damaged(good: Uint8Array): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    at: fc.nat(Math.max(0, good.length - 1)),
    byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff)),
    how: fc.constantFrom('set' as const, 'insert' as const, 'cut' as const),
  });
  return fc.array(change, { minLength: 1, maxLength: 6 }).map((changes) => {
    let bytes = Uint8Array.from(good);
    for (const { at, byte, how } of changes) {
      if (how === 'set' && at < bytes.length) bytes[at] = byte;
      else if (how === 'insert')
        bytes = Uint8Array.of(...bytes.slice(0, at), byte, ...bytes.slice(at));
      else if (how === 'cut' && byte > 200) bytes = bytes.slice(0, at);
    }
    return bytes;
  });
}
