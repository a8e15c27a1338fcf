import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { parseReferenceFile } from '../release/reference-file.js';

/** How a challenger answered on its reference data, beside which its answers in the field are laid. */
export interface Reference {
  /** Shares of the classes, in the order of the model's outputs. */
  readonly classes: readonly number[];
  /** The mean score of its answers, from their histogram. */
  readonly confidence: number;
}

/** A device is unsure where its answers are on average so much less confident than on the reference data. */
const unsureMargin = 0.1;

/** The reference of a release, by the order of its labels; undefined where it carries none. */
export function referenceOf({ manifest, artifacts }: ReleaseFile): Reference | undefined {
  const bytesOf = (role: 'reference' | 'labels'): Uint8Array | undefined =>
    artifacts[manifest.artifacts.findIndex((artifact) => artifact.role === role)];
  const [file, labels] = [bytesOf('reference'), bytesOf('labels')];
  if (file === undefined || labels === undefined) return undefined;
  const { answers, confidence } = parseReferenceFile(file);
  const names = new TextDecoder().decode(labels).trim().split(/\r?\n/);
  return {
    classes: sharesOf(names.map((name) => answers[name] ?? 0)),
    confidence: meanConfidence(confidence),
  };
}

/** Whether the answers of one device are far less sure than the reference. */
export function isUnsure(confidence: readonly number[], reference: Reference): boolean {
  return meanConfidence(confidence) < reference.confidence - unsureMargin;
}

/**
 * How far the mix of classes is from the reference: the total variation distance, 0 for the same mix and 1
 * for another one altogether. `counts` are those of all devices together.
 */
export function mixDistance(counts: readonly number[], { classes }: Reference): number {
  const shares = sharesOf(counts);
  const length = Math.max(shares.length, classes.length);
  let sum = 0;
  for (let i = 0; i < length; i++) sum += Math.abs((shares[i] ?? 0) - (classes[i] ?? 0));
  return sum / 2;
}

/** Each tenth counts with its middle. */
function meanConfidence(histogram: readonly number[]): number {
  const total = sumOf(histogram);
  if (total === 0) return 0;
  return (
    histogram.reduce((sum, count, i) => sum + (count * (i + 0.5)) / histogram.length, 0) / total
  );
}

function sharesOf(counts: readonly number[]): readonly number[] {
  const total = sumOf(counts);
  return counts.map((count) => (total === 0 ? 0 : count / total));
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
