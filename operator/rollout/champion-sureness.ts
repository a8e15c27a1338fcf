import type { Manifest } from '../../protocol/documents/manifest.js';
import type { ReportMessage } from '../../protocol/messages/report.js';
import { findArtifact } from '../publish/kept-artifacts.js';
import type { OwnKeys } from '../publish/own-document.js';
import { parseReferenceFile } from '../release/reference-file.js';
import { countOf, per100 } from '../verdict/words.js';

/** Windows that a release was asked about, and the mean of its scores, from 0 to 1. */
export interface Sureness {
  readonly windows: number;
  readonly score: number;
}

/** Fewer windows of a device say nothing. */
const fewestWindows = 40;

/** A mean score that is lower by so much is another input, or another world, than the model was made for. */
const tolerated = 0.2;

/** How sure a release was on its reference data; undefined where it carries none, or was published long ago. */
export function referenceOf(manifest: Manifest, keys: OwnKeys): Sureness | undefined {
  const bytes = findArtifact(manifest, 'reference', keys);
  return bytes && surenessOf(parseReferenceFile(bytes).confidence);
}

/** How sure a release has been on a device, as its report says; undefined where it says nothing of it. */
export function reportedSureness(
  { releases }: ReportMessage,
  sequence: number,
): Sureness | undefined {
  const reported = releases.filter(({ release }) => release === sequence);
  const [most] = reported.sort((a, b) => b.windows - a.windows);
  return most && surenessOf(most.confidence);
}

/**
 * Why the champion itself is not to be believed, where on most devices it is much less sure than on its own reference data; else
 * nothing. It says nothing of the challenger: a comparison with a broken yardstick waits.
 */
export function surenessHold(
  reference: Sureness | undefined,
  devices: readonly Sureness[],
  champion: string,
): readonly string[] {
  if (reference === undefined) return [];
  const known = devices.filter(({ windows }) => windows >= fewestWindows);
  const unsure = known.filter(({ score }) => score < reference.score - tolerated);
  if (unsure.length <= known.length / 2) return [];
  const mean = unsure.reduce((sum, { score }) => sum + score, 0) / unsure.length;
  return [
    `${champion} itself looks wrong on ${unsure.length} of ${countOf(known.length, 'device')}: its mean score is ${per100(mean)} of 100, and ${per100(reference.score)} on its reference data; look at sensors and labels first`,
  ];
}

/** @param tenths windows by tenths of the score */
function surenessOf(tenths: readonly number[]): Sureness | undefined {
  const windows = tenths.reduce((sum, each) => sum + each, 0);
  if (windows === 0) return undefined;
  const scores = tenths.reduce((sum, each, i) => sum + (each * (i + 0.5)) / tenths.length, 0);
  return { windows, score: scores / windows };
}
