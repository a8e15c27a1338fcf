import type { Result } from '../../../protocol/result.js';
import type { SampleForm } from '../../ports/sensor.js';

/** Files that are decoded in a thread of their own. */
export type MediaKind = 'wav' | 'png' | 'jpeg';

/** What a file is to become. */
export interface MediaForm extends SampleForm {
  readonly decode: MediaKind;
}

/** What the agent tells the thread: one file at a time, each with one answer. */
export interface MediaJob {
  readonly bytes: Uint8Array;
  readonly form: MediaForm;
}

/** What the thread answers. */
export type MediaAnswer = Result<Float32Array>;
