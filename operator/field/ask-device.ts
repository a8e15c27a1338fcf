import { sameBytes } from '../../protocol/bytes.js';
import { CodedError } from '../../protocol/coded-error.js';
import { openSign1, sealSign1 } from '../../protocol/cose/sign1.js';
import { encodeCommand, type Request, type WindowId } from '../../protocol/messages/command.js';
import {
  parseResponse,
  type Response,
  type ResponseContent,
} from '../../protocol/messages/response.js';
import type { Topics } from '../../protocol/topics.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import type { SigningKey } from '../../agent/adapters/signing-key.js';
import type { RandomBytes } from '../ports/random-bytes.js';
import type { BrokerClient } from '../publish/broker-client.js';

/** What it takes to ask devices. */
export interface FieldTools {
  readonly client: BrokerClient;
  readonly topics: Topics;
  /** The operator's: it may sign policies. */
  readonly key: SigningKey;
  readonly crypto: Crypto;
  readonly scheduler: Scheduler;
  readonly wallMs: () => number;
  readonly randomBytes: RandomBytes;
}

/** A device that is asked, and the public key by which it signs. */
export interface AskedDevice {
  readonly deviceId: string;
  readonly publicKey: Uint8Array;
}

export interface Question {
  readonly slot: string;
  readonly request: Request;
  readonly windows: readonly WindowId[];
  /** How long the device has for its answer. */
  readonly timeoutMs: number;
}

/** The parts of an answer that came, in order. */
export interface Answer {
  readonly contents: readonly ResponseContent[];
  readonly isWhole: boolean;
}

/** More is no answer of an agent to one question: what is captured of 64 windows, and what is around it. */
const mostBytes = 320 * 1_048_576;

const busyPauseMs = 1_000;
const busyAttempts = 5;
const correlationBytes = 16;

/**
 * Asks a device, and believes what is signed by its key alone. Throws the code by which the device refuses, and
 * `command-unanswered` where nothing that can be believed came in time.
 */
export async function askDevice(
  tools: FieldTools,
  device: AskedDevice,
  question: Question,
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await askOnce(tools, device, question);
    const [first] = answer.contents;
    if (first?.kind !== 'refused') return answer;
    const { code, detail } = first.rejection;
    // Somebody else may be asking.
    if (code !== 'command-busy' || attempt === busyAttempts) {
      throw new CodedError(code, `${device.deviceId}: ${detail}`);
    }
    await new Promise<void>((resolve) => {
      tools.scheduler.after(busyPauseMs, resolve);
    });
  }
}

async function askOnce(
  { client, topics, key, crypto, scheduler, wallMs, randomBytes }: FieldTools,
  { deviceId, publicKey }: AskedDevice,
  { slot, request, windows, timeoutMs }: Question,
): Promise<Answer> {
  const correlation = randomBytes(correlationBytes);
  const parts = new PartsOfAnswer();
  let forged = 0;
  let isOver: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    isOver = resolve;
  });
  const leave = await client.listen(topics.responses(deviceId), (payload) => {
    const message = openSign1(payload, 'response');
    if (!message.ok) return;
    const { toBeSigned, signature } = message.value;
    if (!crypto.verifyEd25519(publicKey, toBeSigned, signature)) {
      forged++;
      return;
    }
    const response = parseResponse(message.value.payload);
    if (!response.ok || !sameBytes(response.value.correlation, correlation)) return;
    if (response.value.deviceId !== deviceId || response.value.slot !== slot) return;
    if (parts.take(response.value, payload.length)) isOver();
  });
  const giveUp = scheduler.after(timeoutMs, isOver);
  try {
    const deadlineMs = wallMs() + timeoutMs;
    const content = { deviceId, slot, correlation, deadlineMs, request, windows };
    await client.send(
      topics.commands(deviceId),
      sealSign1('command', key.kid, encodeCommand(content), (bytes) => key.sign(bytes)),
    );
    await over;
  } finally {
    giveUp();
    leave();
  }
  const contents = parts.inOrder;
  if (contents.length > 0) return { contents, isWhole: parts.isWhole };
  const distrust = forged === 0 ? '' : `; ${forged} answers were not signed by its key`;
  throw new CodedError('command-unanswered', `${deviceId} within ${timeoutMs / 1000} s${distrust}`);
}

/** Parts may come twice, and in any order. */
class PartsOfAnswer {
  readonly #parts = new Map<number, ResponseContent>();
  #of = 0;
  #bytes = 0;

  get isWhole(): boolean {
    return this.#of > 0 && this.#parts.size === this.#of;
  }

  get inOrder(): readonly ResponseContent[] {
    return [...this.#parts].sort(([a], [b]) => a - b).map(([, content]) => content);
  }

  /** Whether nothing more is to be waited for. */
  take({ part, parts, content }: Response, bytes: number): boolean {
    if (this.#of === 0) this.#of = parts;
    if (parts !== this.#of || this.#parts.has(part)) return this.isWhole;
    this.#bytes += bytes;
    if (this.#bytes > mostBytes) return true;
    this.#parts.set(part, content);
    return this.isWhole;
  }
}
