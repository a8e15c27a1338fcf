import type { Message } from '../../agent/ports/transport.js';
import type { Code } from '../../protocol/codes.js';
import { decodeJson } from '../../protocol/json/decode.js';
import { limits } from '../../protocol/limits.js';
import type { EventMessage } from '../../protocol/messages/event.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import type { StateMessage } from '../../protocol/messages/state.js';
import type { Rejection, Result } from '../../protocol/result.js';
import type { Topics } from '../../protocol/topics.js';
import { parseReport } from '../../operator/fleet/device-messages.js';
import { DeviceLog } from '../simulation/device-log.js';
import type { AcceptedResult } from '../simulation/simulation.js';
import { kindOf, Traffic } from '../simulation/traffic.js';
import { gracePeriods, sumWindows, type WindowCounts } from '../simulation/window-ledger.js';
import { Arrivals } from './arrivals.js';
import type { LiveDescription } from './live-device.js';
import type { FleetWatch } from './live-fleet.js';

/** What is known of one device. */
export interface DeviceEntry {
  readonly description: LiveDescription;
  readonly log: DeviceLog;
  isStarted: boolean;
  /** Whether it ever had a session. */
  wasConnected: boolean;
  /** Why it has no session; undefined while it has one. */
  code: Code | undefined;
  /** The sequence number of its committed release; undefined where there is none. */
  current: number | undefined;
}

export interface FleetRecordOptions {
  readonly devices: readonly LiveDescription[];
  readonly topics: Topics;
  readonly slot: string;
  readonly periodMs: number;
  /** Monotonic, from the start of the run. */
  readonly nowMs: () => number;
  /** Whether a subscriber listens to a topic now. */
  readonly isHeard: (topic: string) => boolean;
  /** Called with each result that the broker takes for the first time. */
  readonly answered: (accepted: AcceptedResult) => void;
  /** Called with what a device says of windows on which champion and challenger differ. */
  readonly disagreed: (deviceId: string, payload: Uint8Array) => void;
}

/** Messages that are numbered, so that none is missed. */
interface Numbered {
  readonly boot: number;
  readonly window: number;
}

/** Keeps what the devices of a process do, and what the broker has of it. */
export class FleetRecord implements FleetWatch {
  readonly entries: ReadonlyMap<string, DeviceEntry>;
  readonly traffic = new Traffic();
  readonly arrivals: Arrivals;
  /** When the last device so far had its first session, and committed its first release. */
  connectedMs: number | undefined;
  committedMs: number | undefined;
  #connected = 0;
  #committed = 0;
  readonly #options: FleetRecordOptions;

  constructor(options: FleetRecordOptions) {
    this.#options = options;
    this.arrivals = new Arrivals(options.nowMs);
    this.entries = new Map(options.devices.map((each) => [each.deviceId, this.#enter(each)]));
  }

  /** Devices that ever had a session. */
  get connectedDevices(): number {
    return this.#connected;
  }

  /** Devices that committed a release. */
  get committedDevices(): number {
    return this.#committed;
  }

  started(deviceId: string): void {
    const entry = this.#of(deviceId);
    entry.isStarted = true;
    entry.log.windows.booted();
  }

  connected(deviceId: string): void {
    const entry = this.#of(deviceId);
    entry.code = undefined;
    if (entry.wasConnected) return;
    entry.wasConnected = true;
    this.#connected++;
    this.connectedMs = this.#options.nowMs();
  }

  disconnected(deviceId: string, { code }: Rejection): void {
    this.#of(deviceId).code = code;
  }

  completed(deviceId: string, truth: string | undefined): void {
    const { log, current } = this.#of(deviceId);
    log.windows.completed(this.#options.nowMs(), truth, current !== undefined);
  }

  toldUnanswered(deviceId: string, dropped: number, waited: number): void {
    this.#of(deviceId).log.windows.toldUnanswered(dropped, waited);
  }

  published(deviceId: string, message: Message): (result: Result<void>) => void {
    const { topics, isHeard, nowMs, answered, disagreed } = this.#options;
    const { topic, channel } = message;
    const kind = kindOf(topic, topics.parseDevice(topic));
    const entry = this.#of(deviceId);
    const said = this.#read(entry, message);
    const number = said && numberOf(said);
    if (number !== undefined) this.arrivals.published(kind, topic, number, isHeard(topic));
    return (result) => {
      if (!result.ok) {
        if (number !== undefined) this.arrivals.dropped(kind, topic, number);
        return;
      }
      this.traffic.add(kind, message);
      if (number !== undefined) this.arrivals.kind(kind).accepted++;
      if (channel === 'disagreements') disagreed(deviceId, message.payload);
      if (channel !== 'results') return;
      const first = entry.log.windows.accepted(said as ResultMessage, nowMs());
      if (first === undefined) return;
      answered({
        deviceId,
        result: said as ResultMessage,
        truth: first.truth,
        other: undefined,
      });
    };
  }

  /** A subscriber of this process has heard something of a device. */
  heard({ topic, payload, retained }: Message): void {
    if (retained) return;
    const kind = kindOf(topic, this.#options.topics.parseDevice(topic));
    const said = kind === 'report' ? parseReport(payload) : parseNumbered(payload);
    if (said === undefined) return;
    this.arrivals.heard(kind, topic, numberOf(said));
  }

  /** The sum over all devices of what became of their windows. */
  windows(): WindowCounts {
    const graceMs = gracePeriods * this.#options.periodMs;
    const nowMs = this.#options.nowMs();
    const entries = [...this.entries.values()];
    return sumWindows(entries.map(({ log }) => log.windows.counts(nowMs, graceMs)));
  }

  /** Takes note of what a device says. Gives what is numbered. */
  #read(entry: DeviceEntry, { channel, payload }: Message): Numbered | undefined {
    switch (channel) {
      case 'results': {
        const result = parse<ResultMessage>(payload);
        entry.log.windows.published(result);
        return result;
      }
      case 'report':
        return parseReport(payload);
      case 'events':
        entry.log.told(parse<EventMessage>(payload));
        return undefined;
      case 'state':
        this.#told(entry, parse<StateMessage>(payload));
        return undefined;
      default:
        return undefined;
    }
  }

  #told(entry: DeviceEntry, { slots }: StateMessage): void {
    const { slot, nowMs } = this.#options;
    const { current, phase } = slots[slot] ?? {};
    // A device that starts with a release tells no phase of it.
    entry.log.phase = phase ?? (current === undefined ? undefined : 'committed');
    if (current !== undefined && entry.current === undefined) {
      this.#committed++;
      this.committedMs = nowMs();
    }
    entry.current = current ?? entry.current;
  }

  #enter(description: LiveDescription): DeviceEntry {
    return {
      description,
      log: new DeviceLog(this.#options.periodMs),
      isStarted: false,
      wasConnected: false,
      code: undefined,
      current: undefined,
    };
  }

  #of(deviceId: string): DeviceEntry {
    const entry = this.entries.get(deviceId);
    if (entry === undefined) throw new Error(`there is no ${deviceId}`);
    return entry;
  }
}

function numberOf({ boot, window }: Numbered): string {
  return `${boot}/${window}`;
}

/** The number of a result that came from outside. Only what a device of this process has published is awaited under it. */
function parseNumbered(payload: Uint8Array): Numbered | undefined {
  const said = decodeJson(payload, limits.deviceMessageBytes);
  if (!(said instanceof Map)) return undefined;
  const boot: unknown = said.get('boot');
  const window: unknown = said.get('window');
  if (typeof boot !== 'number' || typeof window !== 'number') return undefined;
  return { boot, window };
}

/** What an agent of this process wrote. */
function parse<T>(payload: Uint8Array): T {
  return JSON.parse(new TextDecoder().decode(payload)) as T;
}
