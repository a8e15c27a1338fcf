import type { ResultMessage } from '../../../protocol/messages/result.js';
import type { Answer, LoadedRelease } from './loaded-release.js';
import type { CompletedWindow } from './pending-windows.js';

/** The answer of a release to a window, as it is published. */
export function resultMessage(
  { manifest }: LoadedRelease,
  { label, score, scores, latencyUs }: Answer,
  { number, at }: CompletedWindow,
  boot: number,
): ResultMessage {
  return {
    t: at.wallMs,
    boot,
    sequence: manifest.sequence,
    model: manifest.name,
    ...(label !== undefined && { label }),
    ...(score !== undefined && { score }),
    ...(manifest.pipeline.decision.kind === 'none' && { scores: [...scores] }),
    latencyUs: Math.round(latencyUs),
    window: number,
  };
}
