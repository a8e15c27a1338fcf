import type { DeviceRecord } from '../../agent/core/state/record.js';
import { sameBytes } from '../../protocol/bytes.js';
import type { Downward, Upward } from '../broker/network.js';
import { createCheckers } from '../checkers/all-checkers.js';
import type { RunEnd, WorldEvent } from '../checkers/checker.js';
import { Inspection, type Violation } from '../checkers/inspection.js';
import { createBehaviours } from '../people/behaviours.js';
import type { BuiltRelease } from '../people/releases.js';
import type { Group, Scenario, TimelineEntry } from '../scenario/scenario.js';
import { matches, type DeviceFacts } from '../scenario/selector.js';
import { watchPromises } from '../time/promise-guard.js';
import { scheduleDevices } from './device-timeline.js';
import { DeviceWorld, type DeviceTerms } from './device-world.js';
import { describeDevices, presentNumbers, type DescribeDevice } from './fleet.js';
import { factsOf, servingOn, type SimulatedMember } from './member.js';
import type { Sighting } from './sighting.js';
import { Twins } from './twins.js';

/** What a shard is made from. Plain data: it may go to another thread. */
export interface ShardSetup {
  readonly scenario: Scenario;
  readonly releases: readonly BuiltRelease[];
  readonly terms: DeviceTerms;
  /** Which of how many it is: it has the devices whose numbers leave this remainder. */
  readonly shard: number;
  readonly shards: number;
}

/** What a shard is told before it goes on. */
export interface ShardOrders {
  /** Until when it goes on; that instant does not count. */
  readonly endMs: number;
  readonly downward: readonly Downward[];
  /** What has happened elsewhere since it was told last, for checkers. */
  readonly world: readonly { readonly atMs: number; readonly event: WorldEvent }[];
  /** Sequence numbers of challengers that serve, with those of their champions. */
  readonly open: readonly (readonly [challenger: number, champion: number])[];
}

/** What a shard has to say when it has got there. */
export interface ShardReport {
  readonly upward: readonly Upward[];
  readonly sightings: readonly Sighting[];
  /** When something is due next; undefined where nothing is. */
  readonly nextMs: number | undefined;
}

/** How one device stands. */
export interface DeviceState {
  readonly number: number;
  readonly facts: DeviceFacts;
  readonly profile: string;
  readonly isOn: boolean;
  /** The sequence number of what is committed. */
  readonly current: number | undefined;
  readonly droppedWindows: number;
  readonly waitedWindows: number;
  readonly joules: number;
  readonly mostWrites: number;
}

/** What else is asked of a device at the end. */
export interface DeviceStand extends DeviceState {
  readonly record: DeviceRecord | undefined;
  readonly storedBytes: number;
  readonly storageBytes: number;
}

/** A part of the devices of a run, with all that looks at single devices. */
export class Shard {
  readonly #setup: ShardSetup;
  readonly #world: DeviceWorld;
  readonly #inspection: Inspection;
  readonly #describe: DescribeDevice;
  readonly #twins: Twins;
  readonly #names: readonly string[];
  readonly #endGuard: () => void;

  constructor(setup: ShardSetup) {
    const { scenario, releases, terms } = setup;
    this.#setup = setup;
    this.#names = scenario.releases.map(({ name }) => name);
    this.#inspection = new Inspection(createCheckers(scenario.slot), ({ device }) => {
      const member = this.#world.members.get(device);
      if (member !== undefined) this.#world.see(member, { kind: 'violated' });
    });
    const behaviourOf = createBehaviours(
      scenario.releases,
      scenario.seed,
      {
        factsOf: (deviceId) => factsOf(this.#member(deviceId), this.#names),
        servingOf: (deviceId) => servingOn(this.#member(deviceId).host.record),
      },
      (release, input) => releases[release]?.golden.some((each) => sameBytes(each, input)) === true,
    );
    const world: DeviceWorld = new DeviceWorld(terms, {
      happened: (deviceId, event) => {
        this.#inspection.device(deviceId, event, world.time.nowMs);
      },
      askOther: (member, values) => this.#twins.ask(member, values),
      behaviourOf,
    });
    this.#world = world;
    this.#twins = new Twins(releases, world.pool, behaviourOf);
    this.#describe = describeDevices(scenario, releases, terms.remembers);
    for (const group of scenario.groups) this.#add(group, group.devices);
    scheduleDevices(scenario, world.time.createLane(0), {
      world,
      select: (where) => [...this.#all()].filter((each) => matches(where, this.#factsOf(each))),
      join: (entry) => {
        this.#join(entry);
      },
    });
    for (const { host } of this.#all()) host.boot();
    this.#endGuard = watchPromises(() => {
      const { inside } = world;
      const why = 'a native promise was made, whose order is nobody’s promise';
      if (inside !== undefined) world.see(inside, { kind: 'crashed', why });
    });
  }

  /** When something is due next; undefined where nothing is. */
  get nextMs(): number | undefined {
    return this.#world.time.nextMs;
  }

  run({ endMs, downward, world, open }: ShardOrders): ShardReport {
    for (const { atMs, event } of world) this.#inspection.world(event, atMs);
    this.#twins.open = open;
    for (const message of downward) this.#world.byNumber(message.to)?.network.receive(message);
    this.#world.time.advance(endMs);
    return {
      upward: this.#world.takeUpward(),
      sightings: this.#world.takeSightings(),
      nextMs: this.nextMs,
    };
  }

  states(): DeviceState[] {
    return Array.from(this.#all(), (member) => this.#stateOf(member));
  }

  stands(): DeviceStand[] {
    return Array.from(this.#all(), (member) => {
      const { host } = member;
      let storedBytes = 0;
      for (const [, bytes] of host.disk.files) storedBytes += bytes.length;
      const { storageBytes } = host.options.limits;
      return { ...this.#stateOf(member), record: host.deviceRecord, storedBytes, storageBytes };
    });
  }

  /** The run is over. Gives what checkers have found on its devices. @param end with its devices only */
  end(end: RunEnd): readonly Violation[] {
    this.#endGuard();
    this.#inspection.end(end);
    return this.#inspection.violations.filter(({ device }) => device !== '');
  }

  #stateOf(member: SimulatedMember): DeviceState {
    const { description, host, wear } = member;
    return {
      number: description.number,
      facts: this.#factsOf(member),
      profile: description.board.name,
      isOn: host.isOn,
      current: host.record?.current?.sequence,
      droppedWindows: host.droppedWindows,
      waitedWindows: host.waitedWindows,
      joules: this.#world.joulesOf(member),
      mostWrites: wear.mostWrites,
    };
  }

  #add(group: Group, numbers: Group['devices']): SimulatedMember[] {
    const { scenario, shard, shards } = this.#setup;
    return presentNumbers(numbers, scenario.only)
      .filter((number) => number % shards === shard)
      .map((number) => this.#world.add(this.#describe(group, number)));
  }

  #join({ group: name, devices }: Extract<TimelineEntry, { action: 'join' }>): void {
    const group = this.#setup.scenario.groups.find((each) => each.name === name);
    if (group === undefined) throw new Error(`there is no group ${name}`);
    for (const { host } of this.#add(group, devices)) host.boot();
  }

  #factsOf(member: SimulatedMember): DeviceFacts {
    return factsOf(member, this.#names);
  }

  #all(): Iterable<SimulatedMember> {
    return this.#world.members.values();
  }

  #member(deviceId: string): SimulatedMember {
    const member = this.#world.members.get(deviceId);
    if (member === undefined) throw new Error(`there is no ${deviceId}`);
    return member;
  }
}
