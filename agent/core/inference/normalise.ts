import type { Normalisation } from '../../../protocol/documents/pipeline.js';

/** Below this a window counts as silent: dividing by less would only magnify rounding. */
const smallestRms = 1e-6;

/** Normalises a window into `out`, which has the same length. Both hold frames of `channels` values. */
export function normalise(
  window: Float32Array,
  channels: number,
  how: Normalisation,
  out: Float32Array,
): void {
  if (how.kind === 'none') {
    for (let i = 0; i < window.length; i++) out[i] = (window[i] ?? 0) * how.multiply + how.add;
    return;
  }
  let squares = 0;
  for (let channel = 0; channel < channels; channel++) {
    let sum = 0;
    for (let i = channel; i < window.length; i += channels) sum += window[i] ?? 0;
    const mean = (sum * channels) / window.length;
    for (let i = channel; i < window.length; i += channels) {
      const centred = (window[i] ?? 0) - mean;
      out[i] = centred;
      squares += centred * centred;
    }
  }
  const rms = how.kind === 'standardise' ? Math.sqrt(squares / window.length) : 1;
  const factor = how.multiply / Math.max(rms, smallestRms);
  for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) * factor + how.add;
}
