import type { PlainCbor } from '../../agent/adapters/plain-cbor.js';
import type { Topics } from '../../protocol/topics.js';

/** Something that a device reported of a release. */
export interface LedgerEvent {
  /** When it arrived, in milliseconds since the epoch. */
  readonly at: number;
  readonly event: string;
  readonly device: string;
  readonly slot?: string;
  readonly release?: number;
  readonly code?: string;
  readonly reason?: string;
}

/** What is known of one device by what it has published. */
interface DeviceLedger {
  /** Windows with a result. */
  readonly answered: Set<number>;
  /** Windows that were complete, by the device's own count. */
  completed: number;
  right: number;
  /** The release of the last result, and those of all. */
  sequence: number;
  readonly sequences: Set<number>;
}

/**
 * Keeps the books of the demo: everything in it was read from the broker, and nothing was asked of the
 * devices behind its back.
 */
export class Ledger {
  readonly events: LedgerEvent[] = [];
  readonly #topics: Topics;
  readonly #codec: PlainCbor;
  /** What each machine really suffers from. */
  readonly #truth: ReadonlyMap<string, string>;
  readonly #listener: (event: LedgerEvent) => void;
  readonly #now: () => number;
  readonly #answered: (deviceId: string, boot: number, window: number) => void;
  readonly #devices = new Map<string, DeviceLedger>();
  readonly #waiting = new Set<() => void>();

  constructor(options: {
    readonly topics: Topics;
    readonly codec: PlainCbor;
    readonly truth: ReadonlyMap<string, string>;
    readonly listener: (event: LedgerEvent) => void;
    readonly now: () => number;
    /** Called with each result. */
    readonly answered: (deviceId: string, boot: number, window: number) => void;
  }) {
    this.#topics = options.topics;
    this.#codec = options.codec;
    this.#truth = options.truth;
    this.#listener = options.listener;
    this.#now = options.now;
    this.#answered = options.answered;
    for (const device of options.truth.keys()) {
      this.#devices.set(device, {
        answered: new Set(),
        completed: 0,
        right: 0,
        sequence: 0,
        sequences: new Set(),
      });
    }
  }

  /** Results of all devices. */
  get inferences(): number {
    return this.#sum(({ answered }) => answered.size);
  }

  /** Results that named what the machine suffers from. */
  get right(): number {
    return this.#sum(({ right }) => right);
  }

  /** Windows that were completed and have no published result. */
  get missed(): number {
    return this.#sum(({ answered, completed }) => Math.max(0, completed - answered.size));
  }

  /** Devices whose last result came from this release. */
  servedBy(sequence: number): number {
    return [...this.#devices.values()].filter((device) => device.sequence === sequence).length;
  }

  /** Devices that gave an answer of this release at any time. */
  everServed(sequence: number): number {
    return [...this.#devices.values()].filter(({ sequences }) => sequences.has(sequence)).length;
  }

  /** Devices that reported this about a release since the ledger had so many events. */
  reported(event: string, release: number, since: number): readonly LedgerEvent[] {
    const byDevice = new Map<string, LedgerEvent>();
    for (const each of this.events.slice(since)) {
      if (each.event === event && each.release === release) byDevice.set(each.device, each);
    }
    return [...byDevice.values()];
  }

  /** Takes a message of the broker. */
  take(topic: string, payload: Uint8Array): void {
    const about = this.#topics.parseDevice(topic);
    const device = about && this.#devices.get(about.deviceId);
    if (about === undefined || device === undefined || payload.length === 0) return;
    switch (about.channel) {
      case 'events':
        this.#takeEvent(about.deviceId, readJson(payload) as EventMessage);
        break;
      case 'results':
        this.#takeResult(about.deviceId, device, payload);
        break;
      case 'telemetry':
        takeTelemetry(device, this.#codec.decode(payload) as readonly SenmlRecord[]);
        break;
      default:
        break;
    }
    for (const check of [...this.#waiting]) check();
  }

  /** Waits until something holds; false where it does not within `timeoutMs`, or the wait is aborted. */
  async until(holds: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    if (holds()) return true;
    if (signal.aborted) return false;
    return new Promise((resolve) => {
      const finish = (held: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        this.#waiting.delete(check);
        resolve(held);
      };
      const abort = (): void => {
        finish(false);
      };
      const check = (): void => {
        if (holds()) finish(true);
      };
      const timer = setTimeout(() => {
        finish(false);
      }, timeoutMs);
      signal.addEventListener('abort', abort);
      this.#waiting.add(check);
    });
  }

  #takeEvent(deviceId: string, { event, slot, release, code, reason }: EventMessage): void {
    const taken: LedgerEvent = {
      at: this.#now(),
      event,
      device: deviceId,
      ...(slot !== undefined && { slot }),
      ...(release !== undefined && { release }),
      ...(code !== undefined && { code }),
      ...(reason !== undefined && { reason }),
    };
    this.events.push(taken);
    this.#listener(taken);
  }

  #takeResult(deviceId: string, device: DeviceLedger, payload: Uint8Array): void {
    const result = readJson(payload) as ResultMessage;
    // QoS 1 may bring a result twice.
    if (device.answered.has(result.window)) return;
    device.answered.add(result.window);
    // Windows are counted without gaps: a later result tells of the earlier ones.
    device.completed = Math.max(device.completed, result.window);
    device.sequence = result.sequence;
    device.sequences.add(result.sequence);
    this.#answered(deviceId, result.boot, result.window);
    if (result.label === this.#truth.get(deviceId)) device.right++;
  }

  #sum(count: (device: DeviceLedger) => number): number {
    return [...this.#devices.values()].reduce((sum, device) => sum + count(device), 0);
  }
}

function readJson(payload: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(payload));
}

interface EventMessage {
  readonly event: string;
  readonly slot?: string;
  readonly release?: number;
  readonly code?: string;
  readonly reason?: string;
}

interface ResultMessage {
  readonly boot: number;
  readonly window: number;
  readonly sequence: number;
  readonly label?: string;
}

/** Integer labels of SenML (RFC 8428): 0 is the name, 2 the value. */
type SenmlRecord = Readonly<Record<string, unknown>>;

function takeTelemetry(device: DeviceLedger, records: readonly SenmlRecord[]): void {
  for (const record of records) {
    const [name, value] = [record['0'], record['2']];
    if (typeof name === 'string' && name.endsWith('/windows') && typeof value === 'number') {
      device.completed = Math.max(device.completed, value);
    }
  }
}
