import type { EventMessage } from '../../protocol/messages/event.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import type { Message } from '../../agent/ports/transport.js';
import { slotOf } from '../../agent/core/state/record.js';
import { newestRecord } from '../../agent/core/state/newest-record.js';
import type { SlotOperator } from './slot-operator.js';
import { SlotWitness, type Circumstances } from './slot-witness.js';
import type { World } from './world.js';
import { periodMs, type WorldDevice } from './world-device.js';

/** Of each slot champion and candidate; and while one candidate gives way to another one, that too. */
const mostInstances = 3;

/**
 * Watches one device through all its starts, message by message, and notes what must never happen. What it
 * notes is kept, because whoever sends a message must not hear of it.
 */
export class Witness {
  /** What went wrong, in order. */
  readonly violations: string[] = [];
  readonly #world: World;
  readonly #slots: ReadonlyMap<string, SlotWitness>;
  #device: WorldDevice | undefined;
  #startMs = 0;
  /** Whether in this start its storage failed, its sensors said nothing, an inference was slow or failed. */
  #diskFailed = false;
  #wasSilent = false;
  #engineFailed = false;

  constructor(world: World, operators: readonly SlotOperator[]) {
    this.#world = world;
    this.#slots = new Map(
      operators.map(({ slot, mayServe }) => [
        slot,
        new SlotWitness(slot, mayServe, (violation) => {
          this.#note(violation);
        }),
      ]),
    );
  }

  /** The device is about to start. */
  starting(device: WorldDevice): void {
    this.#device = device;
    this.#startMs = this.#world.time.monotonicMs();
    this.#diskFailed = false;
    this.#wasSilent = false;
    this.#engineFailed = false;
    for (const slot of this.#slots.values()) slot.starting(device);
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

  /** Whether every burst of samples that a slot got in this start must be a window of its own. */
  isServedThroughout(slot: string): boolean {
    const device = this.#device;
    if (device === undefined) return false;
    return this.#slots.get(slot)?.isServedThroughout(this.#circumstances(device)) === true;
  }

  /** Looks at what is on disk. */
  look(): void {
    const device = this.#device;
    if (device === undefined) return;
    const newest = newestRecord((copy) => device.disk.files.get(copy));
    if (newest === undefined) return;
    const circumstances = this.#circumstances(device);
    for (const [name, slot] of this.#slots) slot.look(slotOf(newest.record, name), circumstances);
  }

  /** Looks at the device between two happenings. */
  lookAround(): void {
    this.look();
    const device = this.#device;
    if (device === undefined) return;
    if (device.failure !== undefined) this.#note(String(device.failure.stack));
    const elapsedMs = this.#world.time.monotonicMs() - this.#startMs;
    const expectedBursts = this.#wasSilent ? 0 : Math.floor(elapsedMs / periodMs);
    for (const slot of this.#slots.values()) {
      slot.lookAround(this.#circumstances(device), expectedBursts, this.#world.time.wallMs());
    }
  }

  /** Hears what any device has published. */
  hear({ topic, payload }: Message): void {
    const device = this.#device;
    const about = this.#world.topics.parseDevice(topic);
    if (device === undefined || about?.deviceId !== device.deviceId) return;
    const circumstances = this.#circumstances(device);
    if (about.channel === 'results') {
      const result = JSON.parse(new TextDecoder().decode(payload)) as ResultMessage;
      const slot = this.#slots.get(about.slot ?? '');
      slot?.heardResult(result, this.#world.time.wallMs(), circumstances);
    }
    if (about.channel === 'events') {
      const event = JSON.parse(new TextDecoder().decode(payload)) as EventMessage;
      if (event.event === 'state-lost') this.#note('the state is lost');
      this.#slots.get(event.slot ?? '')?.heardEvent(event, circumstances);
    }
    if (device.engine.loaded.size > mostInstances * this.#slots.size) {
      this.#note(`${device.engine.loaded.size} instances at a time`);
    }
  }

  #circumstances(device: WorldDevice): Circumstances {
    return { device, diskFailed: this.#diskFailed, engineFailed: this.#engineFailed };
  }

  #note(violation: string): void {
    this.violations.push(`${this.#world.time.monotonicMs()} ms: ${violation}`);
  }
}
