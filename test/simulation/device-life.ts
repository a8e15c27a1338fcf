import assert from 'node:assert/strict';
import type { SlotSettings } from '../../agent/core/settings.js';
import type { Message } from '../../agent/ports/transport.js';
import type { InferenceFault } from '../../simulator/ports/faulty-engine.js';
import type { StorageFault } from '../../simulator/ports/memory-storage.js';
import type { EngineTrouble, Mishap } from './happening.js';
import type { SlotOperator } from './slot-operator.js';
import { Witness } from './witness.js';
import type { World } from './world.js';
import { periodMs, type WorldDevice } from './world-device.js';

const noTrouble: EngineTrouble = { inferences: 0, whose: 'any', slowMs: 0, then: 'none' };

/** The life of one device over all its starts: what befalls it, watched by a witness. */
export class DeviceLife {
  readonly witness: Witness;
  device: WorldDevice;
  /** Windows of this start whose true label was published, by slot. */
  readonly labelled = new Map<string, Set<number>>();
  readonly #world: World;
  readonly #deviceId: string;
  readonly #slots: readonly string[];
  #cutAt = Infinity;
  #failingOperations = 0;
  #trouble = noTrouble;

  constructor(world: World, deviceId: string, operators: readonly SlotOperator[]) {
    this.#world = world;
    this.#deviceId = deviceId;
    this.#slots = operators.map(({ slot }) => slot);
    this.witness = new Witness(world, operators);
    this.device = this.#start(undefined);
  }

  async befall(what: Mishap): Promise<void> {
    const world = this.#world;
    switch (what.kind) {
      case 'power cut':
        this.device.losePower();
        await world.time.advance(what.offMs);
        if (what.aloneMs > 0) world.broker.stop();
        this.device = this.#start(this.device);
        await world.time.advance(what.aloneMs);
        world.broker.start();
        break;
      case 'power cut at operation':
        this.#cutAt = what.operation;
        await world.time.advance(3_000);
        this.#cutAt = Infinity;
        this.device.losePower();
        this.device = this.#start(this.device);
        break;
      case 'storage fails':
        this.#failingOperations = what.operations;
        break;
      case 'engine fails':
        this.#trouble = what;
        break;
      case 'labels': {
        const slot = this.#slots[what.slot % this.#slots.length] ?? '';
        this.#publishLabels(slot, what.windows, what.label);
        await world.time.settle();
        break;
      }
      case 'silence':
        this.witness.silenced();
        this.device.silent = true;
        await world.time.advance(what.forMs);
        this.device.silent = false;
        break;
    }
  }

  /** Hears a message of any device. */
  hear(message: Message): void {
    this.witness.hear(message);
  }

  endFaults(): void {
    this.#failingOperations = 0;
    this.#trouble = noTrouble;
  }

  /** Throws where something happened that must never happen. */
  check(): void {
    this.witness.lookAround();
    const [violation] = this.witness.violations;
    assert.equal(violation, undefined, `${this.#deviceId}: ${violation}\n${this.tail}`);
  }

  /** The end of what it has told. */
  get tail(): string {
    const { events } = this.device;
    return events
      .slice(-40)
      .map(({ slot, event, release, code }) =>
        [slot, release, event, code].filter((part) => part !== undefined).join(' '),
      )
      .join('\n');
  }

  #publishLabels(slot: string, windows: number, label: string): void {
    const labelled = this.labelled.get(slot) ?? new Set();
    this.labelled.set(slot, labelled);
    for (const { boot, window } of this.device.resultsOf(slot).slice(-windows)) {
      labelled.add(window);
      const payload = new TextEncoder().encode(JSON.stringify({ boot, window, label }));
      const topic = labelsTopic(this.#deviceId, slot);
      // QoS 1 may bring a message twice.
      for (let i = 0; i < 2; i++) this.#world.broker.publish({ topic, payload, retained: false });
    }
  }

  #start(before: WorldDevice | undefined): WorldDevice {
    let operations = 0;
    const device: WorldDevice = this.#world.createDevice({
      ...(before && { disk: before.disk }),
      deviceId: this.#deviceId,
      settings: {
        slots: new Map(this.#slots.map((slot) => [slot, slotSettings(this.#deviceId, slot)])),
      },
      beforeOperation: (): StorageFault => {
        this.witness.look();
        if (++operations >= this.#cutAt) return 'stop';
        if (this.#failingOperations === 0) return 'go';
        this.#failingOperations--;
        this.witness.diskFails();
        return 'fail';
      },
      beforeInference: (handle) => this.#inference(device, handle),
    });
    this.labelled.clear();
    this.witness.starting(device);
    device.start();
    return device;
  }

  #inference({ engine }: WorldDevice, handle: number): InferenceFault {
    const { inferences, whose, slowMs, then } = this.#trouble;
    if (inferences === 0) return 'none';
    if (whose === 'newest' && handle !== Math.max(...engine.loaded)) return 'none';
    this.witness.engineFails();
    this.#trouble = { ...this.#trouble, inferences: inferences - 1 };
    if (slowMs === 0) return then;
    return then === 'none' ? { slowMs } : { slowMs, then };
  }
}

function labelsTopic(deviceId: string, slot: string): string {
  return `factory/${deviceId}/${slot}/truth`;
}

function slotSettings(deviceId: string, slot: string): SlotSettings {
  return {
    limits: { arenaBytes: 262_144, imageBytes: 1_048_576, periodMs },
    sink: { topic: undefined, encode: 'json' },
    labelsTopic: labelsTopic(deviceId, slot),
  };
}
