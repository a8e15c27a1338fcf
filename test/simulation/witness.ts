import type { EventMessage } from '../../protocol/messages/event.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import type { Message } from '../../agent/ports/transport.js';
import type { World } from './world.js';
import type { WorldDevice } from './world-device.js';

/** Champion and candidate; and while one candidate gives way to another one, that too. */
const mostInstances = 3;

/**
 * Watches one device through all its starts, message by message, and notes what must never happen. What it
 * notes is kept, because whoever sends a message must not hear of it.
 */
export class Witness {
  /** What went wrong, in order. */
  readonly violations: string[] = [];
  /** Good releases that a policy has named to serve. No other one may ever answer. */
  readonly mayServe = new Set<number>();
  readonly #world: World;
  #device: WorldDevice | undefined;
  #startMs = 0;
  /** Whether a release was committed before this start. */
  #servesFromTheStart = false;
  /** Whether the storage failed in this start, and whether its sensor said nothing for a while. */
  #diskFailed = false;
  #wasSilent = false;
  /** Whether an inference of this start was slow or failed. */
  #engineFailed = false;
  #lastWindow = 0;
  readonly #dropped = new Set<number>();
  #floors = { policyVersion: 0, sequenceFloor: 0, epochFloor: 0 };

  constructor(world: World) {
    this.#world = world;
    world.onMessage = (message) => {
      this.#hear(message);
    };
  }

  /** The device is about to start. */
  starting(device: WorldDevice): void {
    this.#device = device;
    this.#startMs = this.#world.time.monotonicMs();
    this.#servesFromTheStart = device.record?.current !== undefined;
    this.#diskFailed = false;
    this.#wasSilent = false;
    this.#engineFailed = false;
    this.#lastWindow = 0;
    this.#dropped.clear();
  }

  diskFails(): void {
    this.#diskFailed = true;
  }

  engineFails(): void {
    this.#engineFailed = true;
  }

  silenced(): void {
    this.#wasSilent = true;
  }

  /** Whether every burst of samples of this start must be a window of its own. */
  get isServedThroughout(): boolean {
    return this.#servesFromTheStart && !this.#diskFailed;
  }

  /** Looks at what is on disk; floors never fall. */
  look(): void {
    const record = this.#device?.record;
    if (record === undefined) return;
    const { policyVersion, sequenceFloor, epochFloor } = record;
    for (const name of ['policyVersion', 'sequenceFloor', 'epochFloor'] as const) {
      if (record[name] < this.#floors[name]) {
        this.#note(`${name} fell from ${this.#floors[name]} to ${record[name]}`);
      }
    }
    this.#floors = { policyVersion, sequenceFloor, epochFloor };
    const { current } = record;
    if (current !== undefined && current.sequence < sequenceFloor) {
      this.#note(`release ${current.sequence} is current, below the floor ${sequenceFloor}`);
    }
    if (current === undefined && this.isServedThroughout) this.#note('nothing is current any more');
  }

  /** Looks at the device between two happenings: whether it has taken every window since its start. */
  lookAround(): void {
    this.look();
    const device = this.#device;
    if (device === undefined) return;
    if (device.failure !== undefined) this.#note(String(device.failure.stack));
    if (!this.isServedThroughout || this.#wasSilent) return;
    const expected = Math.floor((this.#world.time.monotonicMs() - this.#startMs) / 1_000);
    if (device.bursts < expected) {
      this.#note(`${device.bursts} bursts of samples were taken instead of ${expected}`);
    }
  }

  #hear({ topic, payload }: Message): void {
    const device = this.#device;
    const about = this.#world.topics.parseDevice(topic);
    if (device === undefined || about?.deviceId !== device.deviceId) return;
    if (about.channel === 'results') {
      this.#heardResult(JSON.parse(new TextDecoder().decode(payload)) as ResultMessage, device);
    }
    if (about.channel === 'events') {
      this.#heardEvent(JSON.parse(new TextDecoder().decode(payload)) as EventMessage);
    }
    if (device.engine.loaded.size > mostInstances) {
      this.#note(`${device.engine.loaded.size} instances at a time`);
    }
  }

  /** Windows are answered in order, each once or reported as dropped, by what is allowed to answer. */
  #heardResult({ window, sequence, t }: ResultMessage, device: WorldDevice): void {
    if (window <= this.#lastWindow) this.#note(`window ${window} after ${this.#lastWindow}`);
    if (this.#dropped.has(window)) this.#note(`window ${window} was answered and dropped`);
    for (let between = this.#lastWindow + 1; between < window; between++) {
      if (!this.#dropped.has(between)) this.#note(`window ${between} got no answer`);
    }
    this.#lastWindow = window;
    if (!this.mayServe.has(sequence)) this.#note(`release ${sequence} answered window ${window}`);
    // What was answered at this instant was allowed to answer by the record as it is on disk now.
    if (t !== this.#world.time.wallMs() || this.#diskFailed) return;
    const { current, candidate } = device.record ?? {};
    const onTrial = candidate?.phase === 'trial' ? candidate.sequence : undefined;
    if (sequence !== current?.sequence && sequence !== onTrial) {
      this.#note(
        `release ${sequence} answered window ${window}; ${current?.sequence} is current, ${onTrial} on trial`,
      );
    }
  }

  #heardEvent({ event, reason = '', release }: EventMessage): void {
    if (event === 'window-dropped') {
      const [from = NaN, to = from] = (reason.match(/\d+/g) ?? []).map(Number);
      for (let window = from; window <= to; window++) this.#dropped.add(window);
      if (!this.#engineFailed && !this.#diskFailed) this.#note(`for no reason: ${reason}`);
    }
    if (event === 'release-damaged' && !this.#diskFailed) {
      this.#note(`release ${release} is damaged: ${reason}`);
    }
    if (event === 'state-lost') this.#note('the state is lost');
  }

  #note(violation: string): void {
    this.violations.push(`${this.#world.time.monotonicMs()} ms: ${violation}`);
  }
}
