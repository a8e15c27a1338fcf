import { DeviceLife } from './device-life.js';
import type { Happening, Outside } from './happening.js';
import { SlotOperator } from './slot-operator.js';
import type { World } from './world.js';

/** Names of the slots of all devices; those of the workshop are for the first. */
const slotNames = ['vibration', 'bearing', 'gear'];

/** What happens in a world of several devices with the same several slots. */
export class Course {
  readonly operators: readonly SlotOperator[];
  readonly lives: readonly DeviceLife[];
  readonly #world: World;

  constructor(world: World, slots: number, devices: number) {
    this.#world = world;
    this.operators = slotNames.slice(0, slots).map((name) => new SlotOperator(world, name));
    this.lives = Array.from(
      { length: devices },
      (_, i) => new DeviceLife(world, `press-${i + 1}`, this.operators),
    );
    world.onMessage = (message) => {
      for (const life of this.lives) life.hear(message);
    };
  }

  async happen(what: Happening): Promise<void> {
    if ('decision' in what) {
      await this.operators[what.slot % this.operators.length]?.decide(what.decision);
    } else if ('mishap' in what) {
      await this.lives[what.device % this.lives.length]?.befall(what.mishap);
    } else await this.#befallAll(what.outside);
    this.check();
  }

  endFaults(): void {
    for (const life of this.lives) life.endFaults();
  }

  /** Throws where something happened that must never happen. */
  check(): void {
    for (const life of this.lives) life.check();
  }

  async #befallAll(what: Outside): Promise<void> {
    const { broker, time } = this.#world;
    switch (what.kind) {
      case 'sessions cut':
        broker.cutSessions();
        break;
      case 'broker away':
        broker.stop();
        await time.advance(what.forMs);
        broker.start();
        break;
      case 'block lost': {
        const block = [...broker.retained.keys()].find((topic) => topic.includes('/blocks/'));
        if (block !== undefined) broker.retained.delete(block);
        break;
      }
      case 'time':
        await time.advance(what.ms);
        break;
    }
  }
}
