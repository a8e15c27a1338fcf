import { crc32 } from 'node:zlib';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import type { Message } from '../../agent/ports/transport.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { parsePolicy } from '../../protocol/documents/policy.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import { createTopics } from '../../protocol/topics.js';
import { SimulatedBroker, type BrokerOptions } from '../broker/broker.js';
import { BrokerDoor } from '../broker/broker-door.js';
import { DocumentHistory } from '../broker/document-history.js';
import { Network, type Downward } from '../broker/network.js';
import { createCheckers } from '../checkers/all-checkers.js';
import type { WorldEvent } from '../checkers/checker.js';
import { Inspection } from '../checkers/inspection.js';
import { chanceOf } from '../devices/draws.js';
import { brokerItself } from '../faults/broker-faults.js';
import { deviceIdOf } from '../scenario/device-ids.js';
import { LaneClock, type Lane } from '../time/lane.js';
import { VirtualTime } from '../time/virtual-time.js';
import { DeviceLog } from './device-log.js';
import { inOrder, type Seen, type Sighting } from './sighting.js';
import { lineOf, type Trace } from './trace.js';
import { kindOf, prefix, Traffic, type MessageKind } from './traffic.js';

/** What the middle of a run needs. */
export interface SimulationOptions {
  readonly seed: number;
  /** True wall time at 0, in milliseconds since the epoch. */
  readonly startWallMs: number;
  readonly slot: string;
  readonly periodMs: number;
  readonly broker: BrokerOptions;
  readonly trace: Trace;
}

/** A result that the broker has taken, with what was true of its window. */
export interface AcceptedResult {
  readonly deviceId: string;
  readonly result: ResultMessage;
  readonly truth: string | undefined;
  /** What the champion would have answered, where the challenger of a rollout did. */
  readonly other: string | undefined;
}

/** Something happened elsewhere than on a device. */
export interface WorldSighting {
  readonly atMs: number;
  readonly event: WorldEvent;
}

/** A lane behind those of all devices that a run can have. */
const behindDevices = 2 ** 20;

/** What a device may have said: our own, and no stranger. */
const utf8 = new TextDecoder();

/**
 * The middle of a run: the broker, what people do, and what is known of the devices. These are in shards, each in a time of its
 * own; what comes from them is a message, or was seen and is taken in the one order of the run.
 */
export class Simulation {
  readonly time = new VirtualTime();
  readonly topics = createTopics(prefix);
  /** The lane of the broker, and of what happens to the world. */
  readonly hub: Lane;
  /** The lane of the operator's processes: native promises wait there. */
  readonly operatorLane: Lane;
  readonly clock: LaneClock;
  readonly broker: SimulatedBroker;
  readonly door: BrokerDoor;
  readonly crypto = createNodeCrypto();
  readonly traffic = new Traffic();
  /** What was ever retained of signed documents. */
  readonly documents = new DocumentHistory();
  /** What is known of each device, by its number. */
  readonly logs = new Map<number, DeviceLog>();
  /** What checkers find that look at no device. */
  readonly inspection: Inspection;
  /** Called with each result that the broker takes for the first time. */
  onResult: (accepted: AcceptedResult) => void = () => undefined;
  /** Called with each message that the broker takes, with the device that it is of. */
  onAccepted: (deviceId: string, kind: MessageKind, message: Message) => void = () => undefined;
  /** Called with what was seen of a device, in the order of the run, where nobody here keeps it. */
  onSeen: (deviceId: string, seen: Seen) => void = () => undefined;
  /** Called with what checkers are told of the world. */
  onWorld: (event: WorldEvent) => void = () => undefined;
  /** Messages that the broker did not keep for a client whose queue was full. */
  droppedAtBroker = 0;
  readonly #options: SimulationOptions;
  readonly #numbers = new Map<string, number>();
  readonly #operatorNetworks = new Map<number, Network>();
  #downward: Downward[] = [];
  #worldSightings: WorldSighting[] = [];
  #sightings: Sighting[] = [];

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.inspection = new Inspection(createCheckers(options.slot));
    this.hub = this.time.createLane(0);
    this.operatorLane = this.time.createLane(behindDevices, true);
    const nowMs = (): number => this.time.nowMs;
    this.clock = new LaneClock(nowMs, options.startWallMs);
    this.broker = new SimulatedBroker(this.hub, options.broker, {
      accepted: (message, clientId) => {
        this.#accepted(message, clientId);
      },
      dropped: (message, clientId) => {
        this.droppedAtBroker++;
        this.record('queue-full', clientId, { topic: message.topic });
      },
    });
    this.door = new BrokerDoor(this.broker, this.hub, nowMs, (message) => {
      const own = this.#operatorNetworks.get(message.to);
      if (own === undefined) this.#downward.push(message);
      else own.receive(message);
    });
  }

  get seed(): number {
    return this.#options.seed;
  }

  /** From now on there is a device with this number. */
  enrol(number: number): void {
    this.logs.set(number, new DeviceLog(this.#options.periodMs));
    this.#numbers.set(deviceIdOf(number), number);
  }

  /** What is known of a device. Throws where there is none with this id. */
  logOf(deviceId: string): DeviceLog {
    const log = this.logs.get(this.#numbers.get(deviceId) ?? 0);
    if (log === undefined) throw new Error(`there is no ${deviceId}`);
    return log;
  }

  /** Writes down that something happened. */
  record(
    did: string,
    device?: string,
    details: Readonly<Record<string, string | number>> = {},
  ): void {
    const line = lineOf(this.time.nowMs, did, device, details);
    const seen: Seen = { kind: 'line', line, ...(device !== undefined && { device }) };
    this.#sightings.push({ atMs: this.time.nowMs, number: 0, seen });
  }

  /** Tells checkers what has happened. */
  inspect(event: WorldEvent): void {
    this.onWorld(event);
    this.inspection.world(event, this.time.nowMs);
    this.#worldSightings.push({ atMs: this.time.nowMs, event });
  }

  /** What the broker has sent to devices since this was asked last. */
  takeDownward(): Downward[] {
    const taken = this.#downward;
    this.#downward = [];
    return taken;
  }

  takeWorldSightings(): WorldSighting[] {
    const taken = this.#worldSightings;
    this.#worldSightings = [];
    return taken;
  }

  /** Takes what was seen of devices, and here, up to now. @param sightings of all devices, those of one in their order */
  see(sightings: readonly Sighting[]): void {
    const all = inOrder([...this.#sightings, ...sightings]);
    this.#sightings = [];
    for (const each of all) this.#take(each);
  }

  /** A link for a client of the operator, which is as good as a link can be. */
  createNetwork(purpose: string): Network {
    const terms = { bitPerS: undefined, latencyMs: [20, 20] } as const;
    const index = behindDevices + 1 + this.#operatorNetworks.size;
    const network = new Network({
      link: { up: terms, down: terms, loss: 0 },
      chance: chanceOf(this.seed, purpose),
      index,
      lane: this.operatorLane,
      outside: this.hub,
      nowMs: () => this.time.nowMs,
      toBroker: (message) => {
        this.door.take(message);
      },
    });
    this.#operatorNetworks.set(index, network);
    return network;
  }

  /** Reports of all devices that should have been heard by then, and were not. */
  reportsMissing(madeByMs: number): number {
    let missing = 0;
    for (const { reports } of this.logs.values()) missing += reports.missing(madeByMs);
    return missing;
  }

  #take({ atMs, number, seen }: Sighting): void {
    if (seen.kind === 'line') {
      this.#options.trace.add(seen.line);
      if (seen.isRoutine === true) return;
      const about = number > 0 ? number : this.#numbers.get(seen.device ?? '');
      if (about !== undefined) this.logs.get(about)?.note(seen.line);
      return;
    }
    const log = this.logs.get(number);
    if (log === undefined) throw new Error(`there is no device ${number}`);
    switch (seen.kind) {
      case 'booted':
        log.windows.booted();
        return;
      case 'power-cut':
        log.windows.toldUnanswered(seen.dropped, seen.waited);
        log.windows.powerCut();
        log.reports.powerCut();
        return;
      case 'window':
        log.windows.completed(atMs, seen.truth, seen.isServed, seen.other);
        return;
      case 'answered':
        log.windows.published(seen.result);
        return;
      case 'told':
        log.told(seen.event);
        return;
      case 'reported':
        log.reports.made(seen.payload, atMs);
        return;
      default:
        this.onSeen(deviceIdOf(number), seen);
    }
  }

  #accepted(message: Message, clientId: string): void {
    const { topic, payload } = message;
    const about = this.topics.parseDevice(topic);
    const kind = kindOf(topic, about);
    this.traffic.add(kind, message);
    if (kind === 'documents' && message.retained && clientId !== brokerItself)
      this.documents.add(topic, payload, this.time.nowMs);
    this.record('accepted', undefined, { client: clientId, topic, crc: crc32(payload) });
    const deviceId = about?.deviceId ?? '';
    this.onAccepted(deviceId, kind, message);
    if (topic === this.topics.policy(this.#options.slot)) this.#tellPolicy(payload);
    if (kind === 'results') this.#heard(deviceId, payload);
  }

  #heard(deviceId: string, payload: Uint8Array): void {
    const log = this.logOf(deviceId);
    const result = JSON.parse(utf8.decode(payload)) as ResultMessage;
    const first = log.windows.accepted(result, this.time.nowMs);
    if (first === undefined) return;
    log.answeredBy.add(result.sequence);
    this.onResult({ deviceId, result, ...first });
  }

  #tellPolicy(payload: Uint8Array): void {
    const opened = openSign1(payload, 'policy');
    const policy = opened.ok ? parsePolicy(opened.value.payload) : opened;
    if (policy.ok) this.inspect({ kind: 'policy', policy: policy.value });
  }
}
