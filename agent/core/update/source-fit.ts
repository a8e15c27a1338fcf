import type { WindowShape } from '../../../protocol/documents/pipeline.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import { sameResize } from '../inference/window.js';
import type { SourceSettings } from '../settings.js';

/** A message of samples, as far as it shows what its source can give. */
export interface SampleMessage {
  readonly values: number;
  /** Values of a frame, as it was read. */
  readonly channels: number;
}

/** The header of a picture; each pixel takes a byte or more, since models do not see drawings of few colours. */
const pictureHeaderBytes = 54;

/** The chunks of a WAV before its samples. */
const soundHeaderBytes = 44;

/**
 * Whether a source can give the windows of a release at all: by its configuration, and by its last message where
 * there was one. Refuses with `source-mismatch` or `source-limit-exceeded`.
 */
export function checkSource(
  window: WindowShape,
  { content, maxBytes, topic }: SourceSettings,
  last: SampleMessage | undefined,
): Result<void> {
  const { frames, channels, resize } = window;
  const fields = content?.kind === 'fields' ? content.fields : 1;
  if (fields > 1 && fields !== channels) {
    return refuse('source-mismatch', `${channels} channels, the source has ${fields} fields`);
  }
  const isPicture = content?.kind === 'picture';
  if (isPicture && channels !== 1 && channels !== 3) {
    return refuse('source-mismatch', `${channels} channels, a picture has 1 or 3`);
  }
  const isAsItComes = isPicture && resize === undefined;
  if (isAsItComes && last !== undefined && last.values !== frames * last.channels) {
    const pixels = last.values / last.channels;
    return refuse('source-mismatch', `pictures of ${frames} pixels, the source gives ${pixels}`);
  }
  // A stream is cut into chunks by whoever reads it: only a message on a topic has a shape of its own.
  if (!isPicture && topic !== undefined && last !== undefined && last.values % channels !== 0) {
    return refuse(
      'source-mismatch',
      `${channels} channels, the last message of the source has ${last.values} values`,
    );
  }
  const isStream = topic === undefined && content?.kind === 'elements';
  const least = leastBytes(window, content);
  if (!isStream && maxBytes !== undefined && least > maxBytes) {
    return refuse(
      'source-limit-exceeded',
      `a message has at least ${least} bytes, the source reads ${maxBytes}`,
    );
  }
  return accept(undefined);
}

/** Whether a release can be compared with the champion: both answer the same windows. Refuses with `comparison-impossible`. */
export function checkComparison(champion: WindowShape, challenger: WindowShape): Result<void> {
  const valuesOf = ({ frames, channels }: WindowShape): number => frames * channels;
  const [served, seen] = [valuesOf(champion), valuesOf(challenger)];
  if (served !== seen) {
    const detail = `windows of ${seen} values, those of the champion have ${served}`;
    return refuse('comparison-impossible', detail);
  }
  if (!sameResize(champion.resize, challenger.resize)) {
    const words = ({ resize }: WindowShape): string =>
      resize === undefined
        ? 'are as they come'
        : `become ${resize.width} x ${resize.height} by ${resize.fit}`;
    const detail = `its pictures ${words(challenger)}, those of the champion ${words(champion)}`;
    return refuse('comparison-impossible', detail);
  }
  return accept(undefined);
}

/** A picture is a whole window; of other samples a message holds a frame or more. */
function leastBytes(
  { frames, channels, resize }: WindowShape,
  content: SourceSettings['content'],
): number {
  switch (content?.kind) {
    case 'picture':
      // How far a picture can be packed depends on what it shows.
      return pictureHeaderBytes + (content.packed === true || resize !== undefined ? 0 : frames);
    case 'elements':
      return channels * content.elementBytes;
    case 'fields':
      // A digit, and what separates it from the next.
      return 2 * channels;
    case 'sound':
      return soundHeaderBytes + channels;
    case undefined:
      return 0;
  }
}
