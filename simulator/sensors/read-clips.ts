import { decodeMedia } from '../../agent/adapters/media/decode-media.js';
import type { MediaKind } from '../../agent/adapters/media/media-job.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { Clip } from './clips.js';
import type { FedRelease } from './delivery.js';
import { listClipFiles, readSensorFile, type ClipFile } from './sensor-files.js';

/** What says the class of a file: its subfolder, or what is before the first `_` of its name. */
export type LabelOf = 'folder' | 'name' | undefined;

/** All clips of a folder together have at most so many values: 256 MiB. */
const valuesMost = 2 ** 26;

const kinds: Readonly<Record<string, MediaKind>> = {
  bmp: 'bmp',
  png: 'png',
  jpg: 'jpeg',
  jpeg: 'jpeg',
  wav: 'wav',
};

/**
 * Reads the pictures of a folder as a release takes them; the agent's own readers decode them. Each must be one window. Throws
 * `scenario-invalid` with the name of the file.
 */
export function readPictures(
  folder: string,
  label: LabelOf,
  releases: readonly FedRelease[],
): readonly Clip[] {
  const [first] = releases;
  if (first === undefined) return [];
  const { frames, stride, channels, resize } = first.window;
  for (const { name, window } of releases) {
    if (window.stride !== window.frames)
      throw invalid(
        `release ${name} has windows of ${window.frames} frames every ${window.stride}; one picture is one window, so leave window.stride out`,
      );
    if (JSON.stringify(window.resize) !== JSON.stringify(resize))
      throw invalid(
        `releases ${first.name} and ${name} take pictures of other sizes; give their pipelines the same window.resize`,
      );
  }
  return readAll(folder, /\.(bmp|png|jpe?g)$/i, label, (bytes, kind, name) => {
    const decoded = decodeMedia(bytes, { decode: kind, channels, sampleRateHz: undefined, resize });
    if (!decoded.ok) throw invalid(`${name}: ${decoded.rejection.detail}`);
    const { values } = decoded.value;
    if (values.length !== stride * channels)
      throw invalid(
        `${name} has ${values.length / channels} pixels, release ${first.name} takes ${frames}; give its pipeline window.resize, or pictures of the model's size`,
      );
    return values;
  });
}

/** Reads the WAV files of a folder as a release takes them. Throws `scenario-invalid` with the name of the file. */
export function readSounds(
  folder: string,
  label: LabelOf,
  releases: readonly FedRelease[],
): readonly Clip[] {
  const rates = [...new Set(releases.flatMap(({ window }) => window.sampleRateHz ?? []))];
  if (rates.length > 1) throw invalid(`releases take sound at ${rates.join(' and ')} Hz`);
  const [sampleRateHz] = rates;
  const channels = releases[0]?.window.channels ?? 1;
  return readAll(folder, /\.wav$/i, label, (bytes, kind, name) => {
    const decoded = decodeMedia(bytes, { decode: kind, channels, sampleRateHz });
    if (decoded.ok) return decoded.value.values;
    throw invalid(
      `${name}: ${decoded.rejection.detail}; sound is uncompressed WAV with the rate and the channels of the pipeline's window`,
    );
  });
}

function readAll(
  folder: string,
  ending: RegExp,
  label: LabelOf,
  decode: (bytes: Uint8Array, kind: MediaKind, name: string) => Float32Array,
): readonly Clip[] {
  let sum = 0;
  return listClipFiles(folder, ending).map((each): Clip => {
    const kind = kinds[each.name.split('.').at(-1)?.toLowerCase() ?? ''];
    if (kind === undefined) throw new Error(`${each.name} was not meant`);
    const values = decode(readSensorFile(each.file), kind, each.name);
    sum += values.length;
    if (sum > valuesMost)
      throw invalid(`${folder} has more than ${valuesMost} values; leave some files out`);
    return { values, truth: truthOf(each, label) };
  });
}

function truthOf({ name, subfolder }: ClipFile, label: LabelOf): string | undefined {
  switch (label) {
    case undefined:
      return undefined;
    case 'folder':
      if (subfolder === undefined)
        throw invalid(`${name} lies in no subfolder, which would name its class`);
      return subfolder;
    case 'name':
      // Where there is no `_`, the whole name is the class.
      return name
        .split('/')
        .at(-1)
        ?.split('_')[0]
        ?.replace(/\.[^.]*$/, '');
  }
}

function invalid(detail: string): CodedError {
  return new CodedError('scenario-invalid', detail);
}
