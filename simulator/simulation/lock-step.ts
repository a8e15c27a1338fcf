import { leastLatencyMs } from '../broker/link.js';
import type { Downward } from '../broker/network.js';
import type { ShardOrders } from './shard.js';
import type { ShardPort } from './shard-port.js';
import type { Sighting } from './sighting.js';
import type { Simulation, WorldSighting } from './simulation.js';

/** What is due at an instant has happened when this has passed; nothing is ever due within it. */
const momentMs = 2 ** -20;

/**
 * Lets the middle of a run and its shards go on side by side, a step at a time. No message takes less than a step, so that within
 * it nobody needs anybody: what they have for each other is handed over between two steps. When a step begins follows from what
 * is due in all of them, so that it is the same however many shards there are.
 */
export class LockStep {
  readonly #simulation: Simulation;
  readonly #shards: readonly ShardPort[];
  readonly #open: () => ShardOrders['open'];
  /** What a shard is told when it goes on the next time. */
  readonly #waiting: { downward: Downward[]; world: WorldSighting[] }[];
  #nowMs = 0;
  #reachedMs = 0;

  /** @param open sequence numbers of challengers that serve, with those of their champions */
  constructor(
    simulation: Simulation,
    shards: readonly ShardPort[],
    open: () => ShardOrders['open'],
  ) {
    this.#simulation = simulation;
    this.#shards = shards;
    this.#open = open;
    this.#waiting = shards.map(() => ({ downward: [], world: [] }));
  }

  /** Until when all have gone on. */
  get nowMs(): number {
    return this.#reachedMs;
  }

  /** Lets time pass until an instant, which counts. @param goesOn asked after each step */
  async run(untilMs: number, goesOn: () => boolean): Promise<void> {
    const endMs = untilMs + momentMs;
    while (this.#nowMs < endMs && goesOn()) {
      const fromMs = Math.max(this.#nowMs, Math.min(endMs, this.#nextMs()));
      await this.#step(Math.min(endMs, fromMs + leastLatencyMs), endMs);
    }
    this.#reachedMs = Math.min(untilMs, this.#nowMs);
  }

  async #step(endMs: number, untilMs: number): Promise<void> {
    const open = this.#open();
    const working = this.#shards.filter((shard, i) => {
      const waiting = this.#waiting[i] ?? { downward: [], world: [] };
      const isIdle = waiting.downward.length === 0 && (shard.nextMs ?? Infinity) >= endMs;
      // Before anybody looks at it, a shard is where all are.
      if (isIdle && endMs < untilMs) return false;
      this.#waiting[i] = { downward: [], world: [] };
      shard.begin({ endMs, ...waiting, open });
      return true;
    });
    const { time } = this.#simulation;
    // Mostly there are no native promises, and nothing to wait for.
    if (!time.advance(endMs)) await time.settle().then(() => time.runTo(endMs));
    const sightings: Sighting[] = [];
    for (const shard of working) {
      const report = shard.end();
      for (const message of report.upward) this.#simulation.door.take(message);
      sightings.push(...report.sightings);
    }
    this.#nowMs = endMs;
    this.#simulation.see(sightings);
    this.#handOver();
  }

  #handOver(): void {
    for (const message of this.#simulation.takeDownward())
      this.#waiting[message.to % this.#shards.length]?.downward.push(message);
    const world = this.#simulation.takeWorldSightings();
    if (world.length > 0) for (const waiting of this.#waiting) waiting.world.push(...world);
  }

  /** When something is due next, anywhere. */
  #nextMs(): number {
    let nextMs = this.#simulation.time.nextMs ?? Infinity;
    for (const shard of this.#shards) nextMs = Math.min(nextMs, shard.nextMs ?? Infinity);
    for (const { downward } of this.#waiting)
      for (const { sentMs } of downward) nextMs = Math.min(nextMs, sentMs + leastLatencyMs);
    return nextMs;
  }
}
