import type { Result } from '../../../protocol/result.js';
import type { SampleForm } from '../../ports/sensor.js';
import type { PixelSign } from './pixel-sign.js';

/** Files that are decoded in a thread of their own. */
export type MediaKind = 'wav' | 'bmp' | 'png' | 'jpeg';

/** What a file is to become. */
export interface MediaForm extends SampleForm {
  readonly decode: MediaKind;
  /** How grey pictures of a BMP are read; `auto`, which looks at each, where it is left out. */
  readonly pixels?: PixelSign | 'auto' | undefined;
}

/** What came of a file. */
export interface Decoded {
  /** Frame after frame. */
  readonly values: Float32Array;
  /** How a grey picture was read, where that was to be decided. */
  readonly reading?: PixelSign;
}

/** What the agent tells the thread: one file at a time, each with one answer. */
export interface MediaJob {
  readonly bytes: Uint8Array;
  readonly form: MediaForm;
}

/** What the thread answers. */
export type MediaAnswer = Result<Decoded>;
