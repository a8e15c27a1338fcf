import { decodeJson, type JsonMap } from '../json/decode.js';
import { limits } from '../limits.js';
import { accept, refuse, type Result } from '../result.js';

/** The true label of a window, from whoever found out: `{"boot": 3, "window": 12, "label": "normal"}`. */
export interface LabelMessage {
  /** Start of the device and number of the window, as its result has them. */
  readonly boot: number;
  readonly window: number;
  readonly label: string;
  /** The slot that answered, where several hear the same topic. */
  readonly slot: string | undefined;
}

/** Reads a label message. Refuses with `label-invalid`. */
export function parseLabelMessage(bytes: Uint8Array): Result<LabelMessage> {
  if (bytes.length > limits.labelBytes) {
    return refuse('label-invalid', `${bytes.length} bytes, at most ${limits.labelBytes}`);
  }
  const json = decodeJson(bytes, limits.labelBytes);
  if (!(json instanceof Map)) return refuse('label-invalid', 'it is no JSON object');
  const map = json as JsonMap;
  const [boot, window, label] = [map.get('boot'), map.get('window'), map.get('label')];
  const slot = map.get('slot');
  if (!Number.isSafeInteger(boot) || !Number.isSafeInteger(window)) {
    return refuse('label-invalid', 'boot and window must be whole numbers');
  }
  if (typeof label !== 'string' || (slot !== undefined && typeof slot !== 'string')) {
    return refuse('label-invalid', 'label must be a text, and slot too where it is given');
  }
  return accept({ boot: boot as number, window: window as number, label, slot });
}
