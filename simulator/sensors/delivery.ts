import { CodedError } from '../../protocol/coded-error.js';
import type { Pipeline } from '../../protocol/documents/pipeline.js';

/** What a sensor delivers at a time: the same for all releases of a run, because the sensor does not know them. */
export interface Delivery {
  /** The stride of a window. */
  readonly frames: number;
  /** Values of a frame. */
  readonly channels: number;
  /** The frame of a delivery that is the last one of a window, from 0. */
  readonly lastFrame: number;
}

/** A release, as far as a sensor has to fit it. */
export interface FedRelease {
  readonly name: string;
  readonly window: Pipeline['window'];
  /** Its class names; empty where it names none. */
  readonly classes: readonly string[];
}

/** What one sensor can deliver to all releases. Throws `scenario-invalid` where they do not take the same. */
export function deliveryOf(releases: readonly FedRelease[]): Delivery {
  const [first] = releases;
  if (first === undefined) throw new CodedError('scenario-invalid', 'releases: there is none');
  const { stride, channels } = first.window;
  for (const { name, window } of releases) {
    const differs = (what: string, a: number, b: number): CodedError =>
      new CodedError(
        'scenario-invalid',
        `releases: ${first.name} takes ${what} of ${a}, and ${name} of ${b}; one sensor feeds both, so give their pipelines the same`,
      );
    if (window.stride !== stride) throw differs('strides', stride, window.stride);
    if (window.channels !== channels) throw differs('channels', channels, window.channels);
  }
  // The truth of a window is that at its last frame. Where windows overlap, that is the last of a delivery.
  const shortest = Math.min(...releases.map(({ window }) => window.frames));
  return { frames: stride, channels, lastFrame: Math.min(shortest, stride) - 1 };
}
