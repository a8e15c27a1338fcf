import { CodedError } from '../../protocol/coded-error.js';
import type { WindowSource } from '../devices/window-source.js';
import { PooledVibrationSource } from '../devices/pooled-vibration-source.js';
import { VibrationSource } from '../devices/vibration-source.js';
import type { BuiltRelease } from '../people/releases.js';
import type { Prng } from '../prng.js';
import type { Group, Sensor } from '../scenario/scenario.js';
import { draw } from '../scenario/values.js';
import { ClipSource, type Clip } from '../sensors/clips.js';
import { deliveryOf, type Delivery, type FedRelease } from '../sensors/delivery.js';
import { readPictures, readSounds } from '../sensors/read-clips.js';
import { readRows } from '../sensors/read-rows.js';
import { RecordingSource } from '../sensors/recording.js';
import { patternOf, toneRateHz, ToneSource } from '../sensors/tones.js';
import { channels } from '../signals/accelerometer.js';
import type { Condition } from '../signals/condition.js';
import { environments } from '../signals/environment.js';
import type { WindowPool } from '../signals/window-pool.js';

/** What makes the source of a device, from its chance and the time of the run. */
export type CreateSource = (prng: Prng, nowMs: () => number) => WindowSource;

/** The sources of all devices. */
export interface Sources {
  readonly delivery: Delivery;
  /** By the name of the group. */
  readonly byGroup: ReadonlyMap<string, CreateSource>;
}

/** What the devices of a group can measure. */
interface Feed {
  /** Undefined: as many as a release takes. */
  readonly channels: number | undefined;
  /** All that the truth may be. */
  readonly classes: readonly string[];
  readonly create: CreateSource;
}

/**
 * The sources of all groups. Files are read once, and all devices share them. Throws `scenario-invalid` with the group where a
 * sensor cannot be read, or does not fit a release.
 *
 * @param pool machines that all share; each device has one of its own where it is left out
 */
export function createSources(
  groups: readonly Group[],
  releases: readonly BuiltRelease[],
  pool?: WindowPool,
): Sources {
  const fed = releases.map(({ release, file, classes }): FedRelease => {
    return { name: release.name, window: file.manifest.pipeline.window, classes };
  });
  const delivery = deliveryOf(fed);
  const feeds = new Map<string, Feed>();
  const byGroup = new Map<string, CreateSource>();
  for (const [i, { name, sensor }] of groups.entries()) {
    const key = JSON.stringify(sensor);
    try {
      const feed = feeds.get(key) ?? feedOf(sensor, delivery, fed, pool);
      feeds.set(key, feed);
      checkFit(feed, fed);
      byGroup.set(name, feed.create);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      throw new CodedError(error.code, `fleet[${i}].sensor of ${name}: ${error.detail}`);
    }
  }
  return { delivery, byGroup };
}

function feedOf(
  sensor: Sensor,
  delivery: Delivery,
  releases: readonly FedRelease[],
  pool: WindowPool | undefined,
): Feed {
  switch (sensor.kind) {
    case 'vibration':
      return {
        channels,
        classes: Object.entries(sensor.mix).flatMap(([each, share]) => (share > 0 ? [each] : [])),
        create: vibrationOf(sensor, pool),
      };
    case 'csv': {
      const { file, columns, labelColumn, startRow } = sensor;
      const recording = readRows(file, columns, labelColumn);
      const rows = recording.truths.length;
      if (startRow !== 'drawn' && startRow > rows)
        throw new CodedError('scenario-invalid', `start: ${file} has ${rows} rows`);
      const start = startRow === 'drawn' ? startRow : startRow - 1;
      return {
        channels: recording.channels,
        classes: [...new Set(recording.truths)].filter((each) => each !== undefined),
        create: (prng) => new RecordingSource(recording, delivery, start, prng),
      };
    }
    case 'wav':
      return clipsOf(readSounds(sensor.folder, sensor.label, releases), delivery);
    case 'pictures':
      return clipsOf(readPictures(sensor.folder, sensor.label, releases), delivery);
    case 'audio': {
      checkRate(releases);
      const patterns = new Map(sensor.classes.map((each) => [each, patternOf(each)]));
      return {
        channels: undefined,
        classes: sensor.classes,
        create: (prng) => new ToneSource(patterns, delivery, prng),
      };
    }
  }
}

function vibrationOf(
  { mix: shares, changes, environment }: Extract<Sensor, { kind: 'vibration' }>,
  pool: WindowPool | undefined,
): CreateSource {
  const mix = new Map(Object.entries(shares) as [Condition, number][]);
  return (prng, nowMs) => {
    const perMs = draw(changes.perMs, prng.fork(3));
    const changeMs = perMs > 0 ? 1 / perMs : Infinity;
    if (pool !== undefined)
      return new PooledVibrationSource({ environment, mix, changeMs }, pool, prng, nowMs);
    const options = { environment: environments[environment], mix, changeMs };
    return new VibrationSource(options, prng, nowMs);
  };
}

function clipsOf(clips: readonly Clip[], delivery: Delivery): Feed {
  return {
    channels: undefined,
    classes: [...new Set(clips.flatMap(({ truth }) => truth ?? []))],
    create: (prng) => new ClipSource(clips, delivery, prng),
  };
}

/** Made sound at another rate would be another sound. */
function checkRate(releases: readonly FedRelease[]): void {
  for (const { name, window } of releases) {
    const { sampleRateHz } = window;
    if (sampleRateHz === undefined || sampleRateHz === toneRateHz) continue;
    throw new CodedError(
      'scenario-invalid',
      `it gives sound at ${toneRateHz} Hz, release ${name} takes ${sampleRateHz} Hz; record sound at that rate and use kind wav`,
    );
  }
}

/** Throws where a release cannot take what a sensor gives, or has no name for what is true of it. */
function checkFit({ channels: given, classes }: Feed, releases: readonly FedRelease[]): void {
  for (const { name, window, classes: named } of releases) {
    if (given !== undefined && given !== window.channels)
      throw new CodedError(
        'scenario-invalid',
        `it gives ${given} channels, release ${name} takes ${window.channels}; choose other columns or another pipeline`,
      );
    const unknown = classes.find((each) => !named.includes(each));
    if (unknown === undefined || named.length === 0) continue;
    throw new CodedError(
      'scenario-invalid',
      `it knows the class ${JSON.stringify(unknown)}, release ${name} names ${named.map((each) => JSON.stringify(each)).join(', ')}; make the two the same`,
    );
  }
}
