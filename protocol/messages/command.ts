import { encodeCbor } from '../cbor/encode.js';
import { checkInteger, checkList, parseFields } from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';
import { limits } from '../limits.js';
import { refuse, type Result } from '../result.js';
import { deviceIdPattern, slotPattern } from '../topics.js';

/** What an operator asks of one device. Commands ask and change nothing. Signed by the policy role. */
export interface Command {
  readonly deviceId: string;
  readonly slot: string;
  /** Eight to sixteen bytes that no command had before; the answers carry them. */
  readonly correlation: Uint8Array;
  /** When nobody waits for the answer any more, in milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly request: Request;
  /** The windows that `capture` asks for; none for the others. */
  readonly windows: readonly WindowId[];
}

/**
 * `disagreements`: the windows on which the two differ that are kept. `captured`: the windows whose samples are kept.
 * `capture`: the samples of some of them.
 */
export type Request = (typeof requests)[number];
export const requests = ['disagreements', 'captured', 'capture'] as const;

/** A window, by the start of the device and its number in it. */
export interface WindowId {
  readonly boot: number;
  readonly window: number;
}

const anyInteger = [0, Number.MAX_SAFE_INTEGER] as const;

/** Reads a command from a payload whose signature holds. Refuses with `document-invalid` and `document-too-large`. */
export function parseCommand(payload: Uint8Array): Result<Command> {
  if (payload.length > limits.commandBytes) {
    return refuse('document-too-large', `${payload.length} bytes, at most ${limits.commandBytes}`);
  }
  return parseFields(payload, 'command', (fields) => {
    fields.integer(0, [1, 1]);
    return {
      deviceId: fields.text(1, [1, 64], deviceIdPattern),
      slot: fields.text(2, [1, 32], slotPattern),
      correlation: fields.bytes(3, [8, 16]),
      deadlineMs: fields.integer(4, anyInteger),
      request: fields.choice(5, requests),
      windows:
        fields.optional(6, () => fields.list(6, [1, limits.commandWindows], parseWindowId)) ?? [],
    };
  });
}

/** The payload of a command, in deterministic CBOR. */
export function encodeCommand(command: Command): Uint8Array {
  const fields = new Map<number, CborValue>([
    [0, 1],
    [1, command.deviceId],
    [2, command.slot],
    [3, command.correlation],
    [4, command.deadlineMs],
    [5, requests.indexOf(command.request)],
  ]);
  if (command.windows.length > 0) {
    fields.set(
      6,
      command.windows.map(({ boot, window }) => [boot, window]),
    );
  }
  return encodeCbor(fields);
}

function parseWindowId(value: CborValue, path: string): WindowId {
  const [boot, window] = checkList(value, [2, 2], path);
  return {
    boot: checkInteger(boot, anyInteger, `${path}[0]`),
    window: checkInteger(window, anyInteger, `${path}[1]`),
  };
}
