import { crc32 } from 'node:zlib';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { createPlainCbor } from '../../agent/adapters/plain-cbor.js';
import type { AgentSettings } from '../../agent/core/settings.js';
import type { Message } from '../../agent/ports/transport.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { parsePolicy, type Policy } from '../../protocol/documents/policy.js';
import type { EventMessage } from '../../protocol/messages/event.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import { createTopics } from '../../protocol/topics.js';
import type { Board } from '../boards/board.js';
import { idleJoules, inferenceJoules, radioJoules } from '../boards/energy.js';
import { WearMeter } from '../boards/wear-meter.js';
import { SimulatedBroker, type BrokerOptions } from '../broker/broker.js';
import { DocumentHistory } from '../broker/document-history.js';
import type { LinkTerms } from '../broker/link-kinds.js';
import { Way } from '../broker/link.js';
import { Network } from '../broker/network.js';
import type { DeviceEvent } from '../checkers/checker.js';
import { DeviceHost } from '../devices/device-host.js';
import { chanceOf } from '../devices/draws.js';
import { createDurableDisk, createUnsyncedHostDisk } from '../devices/host-disk.js';
import { ModelPool } from '../devices/model-pool.js';
import { createSharedCrypto } from '../devices/shared-crypto.js';
import { brokerItself } from '../faults/broker-faults.js';
import { DiskFaults } from '../faults/disk-faults.js';
import { FaultySource } from '../faults/faulty-source.js';
import type { BehaviourOf, Processor } from '../devices/simulated-engine.js';
import type { WindowSource } from '../devices/window-source.js';
import { createSeededKey } from '../ports/seeded-key.js';
import type { Prng } from '../prng.js';
import { LaneClock, type Lane } from '../time/lane.js';
import { VirtualTime } from '../time/virtual-time.js';
import { DeviceLog } from './device-log.js';
import { kindOf, Traffic, truthTopicOf, type MessageKind } from './traffic.js';
import type { Trace, TraceEvent } from './trace.js';

/** What is the same for all of a run. */
export interface SimulationOptions {
  readonly seed: number;
  /** True wall time at 0, in milliseconds since the epoch. */
  readonly startWallMs: number;
  readonly slot: string;
  readonly periodMs: number;
  readonly reportMs: number;
  /** Undefined: devices send no telemetry. */
  readonly telemetryMs: number | undefined;
  readonly broker: BrokerOptions;
  readonly agentVersion: AgentSettings['agentVersion'];
  readonly core: WebAssembly.Module;
  /** The first keyset, which all devices trust. */
  readonly keyset: Uint8Array;
  /** Whether the power may go before writes are synced: then disks keep them apart. */
  readonly losesUnsynced: boolean;
  /** Whether signals and outputs that come again are kept; without it each is computed, and comes out the same. */
  readonly remembers: boolean;
  /** Whether anybody tells devices the truth. */
  readonly hasLabels: boolean;
  readonly trace: Trace;
  /** What a device does beyond its models. */
  readonly behaviourOf: (deviceId: string) => BehaviourOf;
}

/** One device as a scenario describes it. */
export interface DeviceDescription {
  readonly deviceId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly linkName: string;
  readonly board: Board;
  readonly link: LinkTerms;
  /** Frames of a delivery. */
  readonly strideFrames: number;
  readonly createSource: (prng: Prng, nowMs: () => number) => WindowSource;
}

/** A device of a run: the machine, what can be done to it, and what was seen of it. */
export interface SimulatedMember {
  readonly description: DeviceDescription;
  readonly host: DeviceHost;
  readonly lane: Lane;
  readonly clock: LaneClock;
  readonly processor: Processor;
  readonly up: Way;
  readonly down: Way;
  readonly network: Network;
  readonly disk: DiskFaults;
  readonly source: FaultySource;
  readonly wear: WearMeter;
  readonly log: DeviceLog;
}

/** A result that the broker has taken, with what was true of its window. */
export interface AcceptedResult {
  readonly deviceId: string;
  readonly result: ResultMessage;
  readonly truth: string | undefined;
  /** What the champion would have answered, where the challenger of a rollout did. */
  readonly other: string | undefined;
}

/** The prefix of all topics of a run. */
const prefix = 'tinylamp';

/** A lane behind those of all devices that a run can have. */
const behindDevices = 2 ** 20;

/** How long a window or a report may be on its way before it counts as lost, in periods. */
const gracePeriods = 2;

const utf8 = new TextDecoder();

/** What a device of ours has said: the agent under test, and no stranger. */
function readResult({ payload }: Message): ResultMessage {
  return JSON.parse(utf8.decode(payload)) as ResultMessage;
}

/** Devices, a broker and time: everything of a run but what people do and what is expected. */
export class Simulation {
  readonly time = new VirtualTime();
  readonly topics = createTopics(prefix);
  /** The lane of the broker, and of what happens to the world. */
  readonly hub: Lane;
  /** The lane of the operator's processes: native promises wait there. */
  readonly operatorLane: Lane;
  readonly clock: LaneClock;
  readonly broker: SimulatedBroker;
  readonly crypto = createNodeCrypto();
  readonly traffic = new Traffic();
  /** What was ever retained of signed documents. */
  readonly documents = new DocumentHistory();
  readonly members = new Map<string, SimulatedMember>();
  /** Called with each result that the broker takes for the first time. */
  onResult: (accepted: AcceptedResult) => void = () => undefined;
  /** Called with each message that the broker takes, with the device that it is of. */
  onAccepted: (deviceId: string, kind: MessageKind, message: Message) => void = () => undefined;
  /** Called with each message that a device wants published, before anybody else has it. */
  onPublished: (member: SimulatedMember, message: Message) => void = () => undefined;
  /** Asked for each window what another release would have answered. */
  askOther: (member: SimulatedMember, values: Float32Array) => string | undefined = () => undefined;
  /** Called with what checkers watch. */
  onDevice: (deviceId: string, event: DeviceEvent) => void = () => undefined;
  onPolicy: (policy: Policy) => void = () => undefined;
  /** Called where an agent ends over a broken invariant. */
  onCrash: (deviceId: string, error: unknown) => void = () => undefined;
  /** Messages that the broker did not keep for a client whose queue was full. */
  droppedAtBroker = 0;
  readonly #options: SimulationOptions;
  #arrivals = 0;
  readonly #byLane: string[] = [];
  readonly pool: ModelPool;
  readonly #cbor = createPlainCbor();
  readonly #rooms = new Map<number, Float32Array>();
  readonly #deviceCrypto = createSharedCrypto(createNodeCrypto());

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.hub = this.time.createLane(0);
    this.operatorLane = this.time.createLane(behindDevices, true);
    this.clock = new LaneClock(() => this.time.nowMs, options.startWallMs);
    this.pool = new ModelPool(options.core, this.crypto, options.remembers);
    this.broker = new SimulatedBroker(this.hub, options.broker, {
      accepted: (message, clientId) => {
        this.#accepted(message, clientId);
      },
      dropped: (message, clientId) => {
        this.droppedAtBroker++;
        this.record('queue-full', clientId, { topic: message.topic });
      },
    });
  }

  get seed(): number {
    return this.#options.seed;
  }

  get remembers(): boolean {
    return this.#options.remembers;
  }

  /** The device in which something happens right now; undefined where it is elsewhere. */
  get inside(): string | undefined {
    const index = this.time.inside?.index ?? 0;
    return this.#byLane[index];
  }

  /** Writes down that something happened. */
  record(
    did: string,
    device?: string,
    details: Readonly<Record<string, string | number>> = {},
  ): void {
    // Thousandths of a millisecond are exact enough for whoever reads it.
    const atMs = Math.round(this.time.nowMs * 1_000) / 1_000;
    const event: TraceEvent = device === undefined ? { atMs, did } : { atMs, device, did };
    Object.assign(event, details);
    this.#options.trace.add(event);
    if (device !== undefined) this.members.get(device)?.log.note(event);
  }

  /** A link for a client of the operator, which is as good as a link can be. */
  createNetwork(purpose: string): Network {
    const terms = { bitPerS: undefined, latencyMs: [20, 20] } as const;
    const link = { up: terms, down: terms, loss: 0 };
    return this.#connect(this.operatorLane, link, chanceOf(this.seed, purpose)).network;
  }

  /** Makes a device, which is switched off. */
  add(description: DeviceDescription): SimulatedMember {
    const { seed, startWallMs, slot, periodMs, agentVersion, keyset } = this.#options;
    const { reportMs, telemetryMs } = this.#options;
    const { deviceId, labels, board, link, strideFrames } = description;
    const nowMs = (): number => this.time.nowMs;
    const lane = this.time.createLane(this.members.size + 1);
    const clock = new LaneClock(nowMs, startWallMs);
    const { up, down, network } = this.#connect(lane, link, chanceOf(seed, 'link', deviceId));
    const processor: Processor = {
      rates: board.rates,
      busyUs: 0,
      slowdown: 1,
      arenaShare: 1,
      crashes: false,
      behaviour: this.#options.behaviourOf(deviceId),
    };
    const log = new DeviceLog(periodMs);
    const disk = new DiskFaults();
    const wear = new WearMeter(board.flash);
    const source = new FaultySource(
      description.createSource(chanceOf(seed, 'sensor', deviceId), nowMs),
      chanceOf(seed, 'sensor-fault', deviceId),
      nowMs,
    );
    const host = new DeviceHost(
      {
        deviceId,
        slot,
        labels,
        limits: board.limits,
        agentVersion,
        prefix,
        keyset,
        key: createSeededKey(`${seed}/${deviceId}`),
        periodMs,
        reportMs,
        telemetryMs,
        strideFrames,
        truthTopic: this.#options.hasLabels ? truthTopicOf(deviceId) : undefined,
      },
      {
        lane,
        clock,
        network,
        pool: this.pool,
        roomOf: (values) => this.#roomOf(values),
        encodeCbor: (value) => this.#cbor.encode(value),
        createDisk: this.#options.losesUnsynced ? createUnsyncedHostDisk : createDurableDisk,
        crypto: this.#deviceCrypto,
        processor,
        meter: wear,
        source,
        prng: chanceOf(seed, 'agent', deviceId),
        watch: {
          booted: () => {
            log.windows.booted();
            this.record('booted', deviceId);
            this.onDevice(deviceId, { kind: 'booted' });
          },
          delivered: (truth, values, completesWindow) => {
            const isServed = host.record?.current !== undefined;
            const other = this.askOther(member, values);
            if (completesWindow) log.windows.completed(this.time.nowMs, truth, isServed, other);
          },
          published: (message) => {
            const result = message.channel === 'results' ? readResult(message) : undefined;
            this.#published(deviceId, log, message, result);
            this.onPublished(member, message);
            this.#lookAtRecord(member);
            this.onDevice(deviceId, { kind: 'published', message, result });
          },
          crashed: (error) => {
            this.record('crashed', deviceId);
            this.onCrash(deviceId, error);
          },
          beforeOperation: (what) => disk.before(what),
        },
      },
    );
    const member: SimulatedMember = {
      description,
      host,
      lane,
      clock,
      processor,
      up,
      down,
      network,
      disk,
      source,
      wear,
      log,
    };
    this.members.set(deviceId, member);
    this.#byLane[lane.index] = deviceId;
    return member;
  }

  /** Numbers what the world sends to devices by itself. */
  nextArrival(): number {
    return this.#arrivals++;
  }

  /** Changes bits of what lies on the disk of a device, wherever they are. */
  rot({ host }: SimulatedMember, bits: number, chance: Prng): void {
    const files = [...host.disk.files].sort(([a], [b]) => (a < b ? -1 : 1));
    for (let i = 0; i < bits && files.length > 0; i++) {
      const [name, bytes] = files[chance.below(files.length)] ?? [];
      if (name === undefined || bytes === undefined || bytes.length === 0) continue;
      const at = chance.below(bytes.length);
      host.disk.corrupt(name, bytes.with(at, (bytes[at] ?? 0) ^ (1 << chance.below(8))));
      this.record('bit-rot', host.deviceId, { file: name, at });
      this.onDevice(host.deviceId, { kind: 'rotted' });
    }
  }

  /** Another machine takes the place of a device: the same id, an empty disk, another key. */
  swap(member: SimulatedMember): void {
    const { host } = member;
    this.cutPower(member);
    this.record('swapped', host.deviceId);
    host.replace(createSeededKey(`${this.#options.seed}/${host.deviceId}/${this.nextArrival()}`));
    this.onDevice(host.deviceId, { kind: 'swapped' });
    host.boot();
  }

  /** Takes the power of a device; its disk stays. @param tears what becomes of what it has not synced; left out, all is kept */
  cutPower(member: SimulatedMember, tears?: Prng): void {
    const { host, log } = member;
    if (!host.isOn) return;
    log.windows.toldUnanswered(host.droppedWindows, host.waitedWindows);
    this.#lookAtRecord(member);
    const unsynced = host.cutPower(tears);
    this.record('power-cut', host.deviceId, { unsynced });
    this.onDevice(host.deviceId, { kind: 'power-cut', hasLost: unsynced > 0 });
    log.windows.powerCut();
    log.reports.powerCut();
  }

  /** What a device has taken so far, in joules: for inferences, its radio, and the time in between. It is on all the time. */
  joulesOf({ description: { board }, processor, up, down }: SimulatedMember): number {
    const { power } = board;
    const { busyUs } = processor;
    return (
      inferenceJoules(power, busyUs) +
      radioJoules(board, up.sentBytes + down.sentBytes) +
      idleJoules(power, this.time.nowMs, busyUs / 1000)
    );
  }

  /** The sum over all devices of what became of their windows. */
  windows(): ReturnType<DeviceLog['windows']['counts']> {
    const graceMs = gracePeriods * this.#options.periodMs;
    const sum = { completed: 0, answered: 0, late: 0, dropped: 0, cut: 0, lost: 0, wrong: 0 };
    for (const { log, host } of this.members.values()) {
      if (host.isOn) log.windows.toldUnanswered(host.droppedWindows, host.waitedWindows);
      const counts = log.windows.counts(this.time.nowMs, graceMs);
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
    }
    return sum;
  }

  /** Reports of all devices that should have been heard by now, and were not. */
  reportsMissing(): number {
    const madeByMs = this.time.nowMs - gracePeriods * this.#options.reportMs;
    let missing = 0;
    for (const { log } of this.members.values()) missing += log.reports.missing(madeByMs);
    return missing;
  }

  /** Tells the record of a device where it is another one than before. */
  #lookAtRecord({ host, log }: SimulatedMember): void {
    const { deviceRecord: record } = host;
    if (record === log.record) return;
    log.record = record;
    this.onDevice(host.deviceId, { kind: 'recorded', record });
  }

  #roomOf(values: number): Float32Array {
    let room = this.#rooms.get(values);
    if (room === undefined) {
      room = new Float32Array(values);
      this.#rooms.set(values, room);
    }
    return room;
  }

  /** Both ways between a client and the broker. */
  #connect(
    lane: Lane,
    { up: upTerms, down: downTerms, loss }: LinkTerms,
    chance: Prng,
  ): Pick<SimulatedMember, 'up' | 'down' | 'network'> {
    const nowMs = (): number => this.time.nowMs;
    const up = new Way(upTerms, chance.fork(1), lane, this.hub, nowMs);
    const down = new Way(downTerms, chance.fork(2), this.hub, lane, nowMs);
    up.worsen({ loss });
    down.worsen({ loss });
    return { up, down, network: new Network(this.broker, lane, up, down) };
  }

  #published(
    deviceId: string,
    log: DeviceLog,
    { topic, payload, channel }: Message,
    result: ResultMessage | undefined,
  ): void {
    if (result !== undefined) {
      log.windows.published(result);
    } else if (channel === 'events') {
      const event = JSON.parse(utf8.decode(payload)) as EventMessage;
      log.told(event);
      this.record('told', deviceId, {
        event: event.event,
        ...(event.release !== undefined && { release: event.release }),
        ...(event.code !== undefined && { code: event.code }),
      });
    } else {
      if (channel === 'report') log.reports.made(payload, this.time.nowMs);
      this.record('published', deviceId, { topic, crc: crc32(payload) });
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
    if (kind !== 'results') return;
    const member = this.members.get(deviceId);
    const result = readResult(message);
    const first = member?.log.windows.accepted(result, this.time.nowMs);
    if (member === undefined || first === undefined) return;
    member.log.answeredBy.add(result.sequence);
    this.onResult({ deviceId, result, ...first });
  }

  #tellPolicy(payload: Uint8Array): void {
    const opened = openSign1(payload, 'policy');
    const policy = opened.ok ? parsePolicy(opened.value.payload) : opened;
    if (policy.ok) this.onPolicy(policy.value);
  }
}
