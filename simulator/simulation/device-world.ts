import { crc32 } from 'node:zlib';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { createPlainCbor } from '../../agent/adapters/plain-cbor.js';
import type { Message } from '../../agent/ports/transport.js';
import type { Version } from '../../protocol/documents/manifest.js';
import { isPhase, type EventMessage } from '../../protocol/messages/event.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import { idleJoules, inferenceJoules, radioJoules } from '../boards/energy.js';
import { WearMeter } from '../boards/wear-meter.js';
import { Network, type Upward } from '../broker/network.js';
import type { DeviceEvent } from '../checkers/checker.js';
import { DeviceHost, type HostWatch } from '../devices/device-host.js';
import { chanceOf } from '../devices/draws.js';
import { createDurableDisk, createUnsyncedHostDisk } from '../devices/host-disk.js';
import { ModelPool } from '../devices/model-pool.js';
import { SharedContents } from '../devices/shared-contents.js';
import { createSharedCrypto } from '../devices/shared-crypto.js';
import type { BehaviourOf, Processor } from '../devices/simulated-engine.js';
import { DiskFaults } from '../faults/disk-faults.js';
import { FaultySource } from '../faults/faulty-source.js';
import { createSeededKey } from '../ports/seeded-key.js';
import type { Prng } from '../prng.js';
import { LaneClock } from '../time/lane.js';
import { VirtualTime } from '../time/virtual-time.js';
import type { DeviceDescription, SimulatedMember } from './member.js';
import type { Seen, Sighting } from './sighting.js';
import { lineOf } from './trace.js';
import { prefix, truthTopicOf } from './traffic.js';

/** What is the same for all devices. */
export interface DeviceTerms {
  readonly seed: number;
  /** True wall time at 0, in milliseconds since the epoch. */
  readonly startWallMs: number;
  readonly slot: string;
  readonly periodMs: number;
  readonly reportMs: number;
  /** Undefined: devices send no telemetry. */
  readonly telemetryMs: number | undefined;
  readonly agentVersion: Version;
  readonly core: WebAssembly.Module;
  /** The first keyset, which all devices trust. */
  readonly keyset: Uint8Array;
  /** Whether the power may go before writes are synced: then disks keep them apart. */
  readonly losesUnsynced: boolean;
  /** Whether signals and outputs that come again are kept; without it each is computed, and comes out the same. */
  readonly remembers: boolean;
  /** Whether anybody tells devices the truth. */
  readonly hasLabels: boolean;
}

/** What is told of devices at once. */
export interface DeviceWorldWatch {
  /** What checkers watch. */
  readonly happened: (deviceId: string, event: DeviceEvent) => void;
  /** What another release would have answered to a window; undefined where nobody asks. */
  readonly askOther: (member: SimulatedMember, values: Float32Array) => string | undefined;
  /** What a device does beyond its models. */
  readonly behaviourOf: (deviceId: string) => BehaviourOf;
}

/** The devices of a run, or a part of them, in a time of their own. They speak to the rest of it only through the broker. */
export class DeviceWorld {
  readonly time = new VirtualTime();
  readonly terms: DeviceTerms;
  readonly members = new Map<string, SimulatedMember>();
  readonly pool: ModelPool;
  readonly #byNumber = new Map<number, SimulatedMember>();
  readonly #watch: DeviceWorldWatch;
  readonly #crypto = createSharedCrypto(createNodeCrypto());
  readonly #contents = new SharedContents(createNodeCrypto());
  readonly #cbor = createPlainCbor();
  readonly #rooms = new Map<number, Float32Array>();
  readonly #utf8 = new TextDecoder();
  #upward: Upward[] = [];
  #sightings: Sighting[] = [];

  constructor(terms: DeviceTerms, watch: DeviceWorldWatch) {
    this.terms = terms;
    this.#watch = watch;
    this.pool = new ModelPool(terms.core, createNodeCrypto(), terms.remembers);
  }

  /** The device in which something happens right now. */
  get inside(): SimulatedMember | undefined {
    return this.#byNumber.get(this.time.inside?.index ?? 0);
  }

  byNumber(number: number): SimulatedMember | undefined {
    return this.#byNumber.get(number);
  }

  /** What has gone up to the broker since this was asked last. */
  takeUpward(): Upward[] {
    const taken = this.#upward;
    this.#upward = [];
    return taken;
  }

  takeSightings(): Sighting[] {
    const taken = this.#sightings;
    this.#sightings = [];
    return taken;
  }

  /** Something was seen of a device. */
  see({ description: { number } }: SimulatedMember, seen: Seen): void {
    this.#sightings.push({ atMs: this.time.nowMs, number, seen });
  }

  /** Writes down that something happened to a device. */
  record(
    member: SimulatedMember,
    did: string,
    details: Readonly<Record<string, string | number>> = {},
  ): void {
    const { deviceId } = member.description;
    this.see(member, { kind: 'line', line: lineOf(this.time.nowMs, did, deviceId, details) });
  }

  /** Makes a device, which is switched off. */
  add(description: DeviceDescription): SimulatedMember {
    const { seed, startWallMs, slot, periodMs, agentVersion, keyset, ...terms } = this.terms;
    const { deviceId, number, labels, board, link, strideFrames } = description;
    const nowMs = (): number => this.time.nowMs;
    const lane = this.time.createLane(number);
    const outside = this.time.createLane(number + 0.5);
    const clock = new LaneClock(nowMs, startWallMs);
    const network = new Network({
      link,
      chance: chanceOf(seed, 'link', deviceId),
      index: number,
      lane,
      outside,
      nowMs,
      toBroker: (message) => this.#upward.push(message),
    });
    const processor: Processor = {
      rates: board.rates,
      busyUs: 0,
      slowdown: 1,
      arenaShare: 1,
      crashes: false,
      behaviour: this.#watch.behaviourOf(deviceId),
    };
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
        reportMs: terms.reportMs,
        telemetryMs: terms.telemetryMs,
        strideFrames,
        truthTopic: terms.hasLabels ? truthTopicOf(deviceId) : undefined,
      },
      {
        lane,
        clock,
        network,
        pool: this.pool,
        roomOf: (values) => this.#roomOf(values),
        encodeCbor: (value) => this.#cbor.encode(value),
        createDisk: terms.losesUnsynced
          ? createUnsyncedHostDisk
          : () => createDurableDisk(this.#contents),
        crypto: this.#crypto,
        processor,
        meter: wear,
        source,
        prng: chanceOf(seed, 'agent', deviceId),
        watch: this.#watchOf(() => member),
      },
    );
    const state = { phase: undefined, record: undefined, swaps: 0 };
    const parts = { lane, outside, clock, processor, network, disk, source, wear };
    const member: SimulatedMember = { description, host, ...parts, ...state };
    this.members.set(deviceId, member);
    this.#byNumber.set(number, member);
    return member;
  }

  /** Changes bits of what lies on the disk of a device, wherever they are. */
  rot(member: SimulatedMember, bits: number, chance: Prng): void {
    const { host } = member;
    const files = [...host.disk.files].sort(([a], [b]) => (a < b ? -1 : 1));
    for (let i = 0; i < bits && files.length > 0; i++) {
      const [name, bytes] = files[chance.below(files.length)] ?? [];
      if (name === undefined || bytes === undefined || bytes.length === 0) continue;
      const at = chance.below(bytes.length);
      host.disk.corrupt(name, bytes.with(at, (bytes[at] ?? 0) ^ (1 << chance.below(8))));
      this.record(member, 'bit-rot', { file: name, at });
      this.#watch.happened(host.deviceId, { kind: 'rotted' });
    }
  }

  /** Another machine takes the place of a device: the same id, an empty disk, another key. */
  swap(member: SimulatedMember): void {
    const { host } = member;
    this.cutPower(member);
    this.record(member, 'swapped');
    host.replace(createSeededKey(`${this.terms.seed}/${host.deviceId}/${++member.swaps}`));
    this.#watch.happened(host.deviceId, { kind: 'swapped' });
    host.boot();
  }

  /** Takes the power of a device; its disk stays. @param tears what becomes of what it has not synced; left out, all is kept */
  cutPower(member: SimulatedMember, tears?: Prng): void {
    const { host } = member;
    if (!host.isOn) return;
    const { droppedWindows: dropped, waitedWindows: waited } = host;
    this.#lookAtRecord(member);
    const unsynced = host.cutPower(tears);
    this.record(member, 'power-cut', { unsynced });
    this.#watch.happened(host.deviceId, { kind: 'power-cut', hasLost: unsynced > 0 });
    this.see(member, { kind: 'power-cut', dropped, waited });
  }

  /** What a device has taken so far, in joules: for inferences, its radio, and the time in between. It is on all the time. */
  joulesOf({ description: { board }, processor, network }: SimulatedMember): number {
    const { power } = board;
    const { busyUs } = processor;
    return (
      inferenceJoules(power, busyUs) +
      radioJoules(board, network.up.sentBytes + network.down.sentBytes) +
      idleJoules(power, this.time.nowMs, busyUs / 1000)
    );
  }

  #watchOf(of: () => SimulatedMember): HostWatch {
    return {
      booted: () => {
        const member = of();
        this.see(member, { kind: 'booted' });
        this.record(member, 'booted');
        this.#watch.happened(member.host.deviceId, { kind: 'booted' });
      },
      delivered: (truth, values, completesWindow) => {
        const member = of();
        const isServed = member.host.record?.current !== undefined;
        const other = this.#watch.askOther(member, values);
        if (completesWindow) this.see(member, { kind: 'window', truth, isServed, other });
      },
      published: (message) => {
        const member = of();
        const result = this.#published(member, message);
        this.#lookAtRecord(member);
        this.#watch.happened(member.host.deviceId, { kind: 'published', message, result });
      },
      crashed: (error) => {
        const member = of();
        const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.record(member, 'crashed');
        this.see(member, { kind: 'crashed', why });
      },
      beforeOperation: (what) => of().disk.before(what),
    };
  }

  /** Gives the answer, where it is one. */
  #published(
    member: SimulatedMember,
    { topic, payload, channel }: Message,
  ): ResultMessage | undefined {
    if (channel === 'results') {
      const result = JSON.parse(this.#utf8.decode(payload)) as ResultMessage;
      this.see(member, { kind: 'answered', result });
      return result;
    }
    if (channel === 'events') {
      const event = JSON.parse(this.#utf8.decode(payload)) as EventMessage;
      if (event.slot !== undefined && isPhase(event.event)) member.phase = event.event;
      this.see(member, { kind: 'told', event });
      const { release, code } = event;
      this.record(member, 'told', {
        event: event.event,
        ...(release !== undefined && { release }),
        ...(code !== undefined && { code }),
      });
      return undefined;
    }
    if (channel === 'report') this.see(member, { kind: 'reported', payload });
    else if (channel === 'evidence' || channel === 'disagreements')
      this.see(member, { kind: 'compared', channel, payload });
    const line = lineOf(this.time.nowMs, 'published', member.description.deviceId, {
      topic,
      crc: crc32(payload),
    });
    const isRoutine = channel === 'report' || channel === 'telemetry';
    this.see(member, { kind: 'line', line, isRoutine });
    return undefined;
  }

  /** Tells the record of a device where it is another one than before. */
  #lookAtRecord(member: SimulatedMember): void {
    const { deviceRecord: record } = member.host;
    if (record === member.record) return;
    member.record = record;
    this.#watch.happened(member.host.deviceId, { kind: 'recorded', record });
  }

  /** Room for so many values of a sensor. */
  #roomOf(values: number): Float32Array {
    let room = this.#rooms.get(values);
    if (room === undefined) {
      room = new Float32Array(values);
      this.#rooms.set(values, room);
    }
    return room;
  }
}
