import { limits } from '../limits.js';
import { accept, refuse, type Result } from '../result.js';

/** The true label of a window, from whoever found out: `{"window": 12, "label": "normal"}`. */
export interface LabelMessage {
  /** The number of the window, as its result has it. */
  readonly window: number;
  readonly label: string;
}

/** Reads a label message. Refuses with `label-invalid`. */
export function parseLabelMessage(bytes: Uint8Array): Result<LabelMessage> {
  if (bytes.length > limits.labelBytes) {
    return refuse('label-invalid', `${bytes.length} bytes, at most ${limits.labelBytes}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return refuse('label-invalid', 'it is not JSON');
  }
  if (typeof json !== 'object' || json === null || !('window' in json) || !('label' in json)) {
    return refuse('label-invalid', 'it must have window and label');
  }
  const { window, label } = json;
  if (typeof window !== 'number' || !Number.isSafeInteger(window) || typeof label !== 'string') {
    return refuse('label-invalid', 'window must be a whole number, and label a text');
  }
  return accept({ window, label });
}
