import { toHex } from '../../../protocol/bytes.js';
import { prepareSign1 } from '../../../protocol/cose/sign1.js';
import { limits } from '../../../protocol/limits.js';
import { parseCommand, type Command } from '../../../protocol/messages/command.js';
import {
  encodeResponse,
  type CapturePiece,
  type KeptDisagreement,
  type ResponseContent,
} from '../../../protocol/messages/response.js';
import { accept, refuse, type Rejection, type Result } from '../../../protocol/result.js';
import type { CaptureStore } from '../capture/capture-store.js';
import type { Device } from '../device.js';
import { DocumentBrake } from '../document-brake.js';
import { ask, type Process } from '../process.js';
import { captureParts, capturedParts, disagreementParts, type PlannedPiece } from './parts.js';

/** What a slot can be asked for. */
export interface AskedSlot {
  readonly capture: CaptureStore;
  keptDisagreements(): readonly KeptDisagreement[];
}

/**
 * Answers what an operator asks of this device. A command changes nothing, and costs little: a few are looked at in a
 * second, one is answered at a time, and a part leaves when the broker has taken the one before. So answers never fill
 * the room of results, and nobody without the policy key is answered at all.
 */
export class Commands {
  readonly #device: Device;
  readonly #slots: ReadonlyMap<string, AskedSlot>;
  /** Commands that were answered or refused, by their correlation, and when they end. */
  readonly #known = new Map<string, number>();
  #isBusy = false;

  constructor(device: Device, slots: ReadonlyMap<string, AskedSlot>) {
    this.#device = device;
    this.#slots = slots;
  }

  /** Listens to commands from now on. */
  listen(): void {
    const { exchange, tasks, topics, settings } = this.#device;
    const topic = topics.commands(settings.deviceId);
    const brake = new DocumentBrake(tasks, () => this.#device.now().monotonicMs, {
      take: (payload) => {
        tasks.run(this.#take(payload));
      },
      superseded: () => {
        this.#report(undefined, { code: 'command-busy', detail: 'commands come too fast' });
      },
      calmed: () => undefined,
    });
    exchange.subscribe(topic, {
      message: (payload) => {
        if (payload.length > 0) brake.message(payload);
      },
      refused: ({ code, detail }) => {
        this.#device.report({ event: 'topic-refused', code, reason: detail });
      },
    });
  }

  *#take(bytes: Uint8Array): Process<void> {
    const command = yield* this.#open(bytes);
    if (!command.ok) {
      this.#report(undefined, command.rejection);
      return;
    }
    const { slot: name, correlation, deadlineMs } = command.value;
    const slot = this.#slots.get(name);
    const taken = this.#admit(command.value);
    if (!taken.ok) {
      this.#report(name, taken.rejection);
      // Who repeats a command has its answer, or never asked.
      if (taken.rejection.code !== 'command-repeated') {
        yield* this.#send(command.value, [{ kind: 'refused', rejection: taken.rejection }]);
      }
      return;
    }
    if (slot === undefined) return;
    this.#known.set(toHex(correlation), deadlineMs);
    this.#isBusy = true;
    yield* this.#answer(command.value, slot);
    this.#isBusy = false;
  }

  /** A command for this device, and for one of its slots, that its signer may ask about. */
  *#open(bytes: Uint8Array): Process<Result<Command>> {
    const { trust, settings } = this.#device;
    if (bytes.length > limits.commandBytes) {
      return refuse('document-too-large', `${bytes.length} bytes, at most ${limits.commandBytes}`);
    }
    const opened = yield* trust.verifyCommand(bytes, this.#device.believedMs());
    if (!opened.ok) return opened;
    const { payload, key } = opened.value;
    const parsed = parseCommand(payload);
    if (!parsed.ok) return parsed;
    const { deviceId, slot } = parsed.value;
    if (deviceId !== settings.deviceId) {
      return refuse('command-misplaced', `a command for ${deviceId}`);
    }
    if (!this.#slots.has(slot)) return refuse('command-misplaced', `there is no slot ${slot}`);
    if (key.slots?.includes(slot) === false) {
      return refuse('key-role-mismatch', `key ${toHex(key.kid)} may not ask about slot ${slot}`);
    }
    return parsed;
  }

  #admit({ correlation, deadlineMs, request, windows }: Command): Result<void> {
    const nowMs = this.#device.believedMs();
    for (const [id, endMs] of this.#known) if (endMs < nowMs) this.#known.delete(id);
    if (this.#known.has(toHex(correlation))) {
      return refuse('command-repeated', toHex(correlation));
    }
    if (deadlineMs < nowMs || deadlineMs > nowMs + limits.commandAheadMs) {
      return refuse('command-expired', `it ends ${deadlineMs - nowMs} ms from now`);
    }
    if ((request === 'capture') !== windows.length > 0) {
      return refuse('document-invalid', `${request} with ${windows.length} windows`);
    }
    if (this.#isBusy || this.#known.size >= limits.commandsRemembered) {
      return refuse('command-busy', 'another command is being answered');
    }
    return accept(undefined);
  }

  *#answer(command: Command, slot: AskedSlot): Process<void> {
    const { capture } = slot;
    switch (command.request) {
      case 'disagreements': {
        const parts = disagreementParts(slot.keptDisagreements());
        yield* this.#send(
          command,
          parts.map((entries) => ({ kind: 'disagreements', entries })),
        );
        return;
      }
      case 'captured':
      case 'capture': {
        if (capture.isOff) {
          const detail = `slot ${command.slot}`;
          const rejection: Rejection = { code: 'capture-off', detail };
          yield* this.#send(command, [{ kind: 'refused', rejection }]);
        } else if (command.request === 'captured') {
          const parts = capturedParts(capture.windows);
          yield* this.#send(
            command,
            parts.map((windows) => ({ kind: 'captured', windows })),
          );
        } else {
          yield* this.#sendCapture(command, capture);
        }
      }
    }
  }

  *#sendCapture(command: Command, capture: CaptureStore): Process<void> {
    const parts = captureParts(command.windows, capture.windows);
    const read = new FileInTurn(capture);
    for (const [part, planned] of parts.entries()) {
      const pieces: CapturePiece[] = [];
      for (const piece of planned) pieces.push(yield* read.piece(piece));
      const place = { part, parts: parts.length };
      if (!(yield* this.#sendPart(command, place, { kind: 'capture', pieces }))) return;
    }
  }

  *#send(command: Command, contents: readonly ResponseContent[]): Process<void> {
    for (const [part, content] of contents.entries()) {
      if (!(yield* this.#sendPart(command, { part, parts: contents.length }, content))) return;
    }
  }

  /** False where nobody waits for the rest. */
  *#sendPart(
    { correlation, slot, deadlineMs }: Command,
    place: { readonly part: number; readonly parts: number },
    content: ResponseContent,
  ): Process<boolean> {
    // A refusal for a wrong time is said all the same.
    if (content.kind !== 'refused' && this.#device.believedMs() > deadlineMs) return false;
    const { topics, settings } = this.#device;
    const { deviceId, key } = settings;
    const payload = encodeResponse({ deviceId, slot, correlation, ...place, content });
    const message = prepareSign1('response', key.kid, payload);
    const signature = yield* ask('sign', { message: message.toBeSigned });
    const sent = yield* ask('publish', {
      channel: 'responses',
      topic: topics.responses(deviceId),
      payload: { bytes: message.seal(signature) },
      retained: false,
    });
    return sent.ok;
  }

  #report(slot: string | undefined, { code, detail }: Rejection): void {
    this.#device.report({
      event: 'command-refused',
      ...(slot !== undefined && { slot }),
      code,
      reason: detail,
    });
  }
}

/** Reads files one after the other, each once. */
class FileInTurn {
  readonly #capture: CaptureStore;
  #name = '';
  #file: Uint8Array | undefined;

  constructor(capture: CaptureStore) {
    this.#capture = capture;
  }

  /** A piece of nothing where the file is gone, or is another than was planned: it is to be asked for again. */
  *piece({ boot, window, offset, length, of }: PlannedPiece): Process<CapturePiece> {
    const name = `${boot}/${window}`;
    if (name !== this.#name) {
      this.#name = name;
      this.#file = of === 0 ? undefined : yield* this.#capture.read({ boot, window });
    }
    if (this.#file?.length !== of || of === 0) {
      return { boot, window, offset: 0, of: 0, bytes: new Uint8Array() };
    }
    return { boot, window, offset, of, bytes: this.#file.subarray(offset, offset + length) };
  }
}
