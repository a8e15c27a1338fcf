import { limits } from '../../../protocol/limits.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import type { SampleForm } from '../../ports/sensor.js';
import { messageValues } from '../sources/decoder.js';
import { readBmp } from './bmp.js';
import { detectPixelSign, readSigned, type PixelSign } from './pixel-sign.js';
import { resize } from './resize.js';
import type { Decoded, MediaForm } from './media-job.js';
import { readJpeg } from './jpeg.js';
import { withChannels, type Picture } from './picture.js';
import { readPng } from './png.js';
import { readWav } from './sound.js';

/**
 * Decodes a file into values, as a release takes them: frame after frame. Refuses with `sound-invalid`,
 * `picture-invalid`, or with `source-mismatch` where the file is right and not what the release takes.
 */
export function decodeMedia(bytes: Uint8Array, form: MediaForm): Result<Decoded> {
  switch (form.decode) {
    case 'wav':
      return decodeWav(bytes, form);
    case 'bmp':
      return decodePicture((mistakeOf) => readBmp(bytes, mistakeOf), form);
    case 'png':
      return decodePicture((mistakeOf) => readPng(bytes, mistakeOf), form);
    case 'jpeg':
      return decodePicture((mistakeOf) => readJpeg(bytes, mistakeOf), form);
  }
}

/** Sound with as many channels as the release; one channel is also cut into frames of more values. */
function decodeWav(bytes: Uint8Array, form: SampleForm): Result<Decoded> {
  const { channels, sampleRateHz } = form;
  if (form.resize !== undefined) {
    return refuse('source-mismatch', 'sound, the release takes pictures');
  }
  const sound = readWav(bytes, messageValues);
  if (!sound.ok) return sound;
  const { values } = sound.value;
  // At another rate every answer would be about another sound.
  if (sampleRateHz !== undefined && sound.value.sampleRateHz !== sampleRateHz) {
    return refuse(
      'source-mismatch',
      `sound at ${sound.value.sampleRateHz} Hz, the release takes ${sampleRateHz} Hz`,
    );
  }
  if (sound.value.channels !== channels && sound.value.channels !== 1) {
    return refuse(
      'source-mismatch',
      `sound of ${sound.value.channels} channels, the release takes ${channels}`,
    );
  }
  if (values.length % channels !== 0) {
    return refuse(
      'source-mismatch',
      `${values.length} samples are no whole frames of ${channels} channels`,
    );
  }
  return accept({ values });
}

/** What is wrong with the size of a picture, by its header. */
type MistakeOf = (width: number, height: number) => string | undefined;

function decodePicture(
  read: (mistakeOf: MistakeOf) => Result<Picture>,
  form: MediaForm,
): Result<Decoded> {
  const { channels } = form;
  if (channels !== 1 && channels !== 3) {
    return refuse('picture-invalid', `a picture has no ${channels} channels`);
  }
  const picture = read((width, height) =>
    form.resize === undefined && width * height * channels > limits.windowValues
      ? `a picture of ${width} x ${height} pixels is too large for any window`
      : undefined,
  );
  if (!picture.ok) return picture;
  const isStoredGrey = picture.value.channels === 1;
  const wanted = withChannels(picture.value, channels);
  // In numbers with fractions, and not the library's own: pixels are turned in place, and go to another thread.
  const data = Float32Array.from(wanted.data);
  const isUndecided = form.decode === 'bmp' && channels === 1 && isStoredGrey;
  const reading = isUndecided ? readingOf(data, wanted.width, form) : undefined;
  if (reading === 'signed') readSigned(data);
  const whole = { ...wanted, data };
  const values =
    form.resize === undefined ? data : Float32Array.from(resize(whole, form.resize).data);
  return accept(reading === undefined ? { values } : { values, reading });
}

function readingOf(grey: Float32Array, width: number, { pixels = 'auto' }: MediaForm): PixelSign {
  return pixels === 'auto' ? detectPixelSign(grey, width) : pixels;
}
