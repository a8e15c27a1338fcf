import type { Clock } from '../../agent/ports/clock.js';
import type { Lane } from '../time/lane.js';
import { VirtualTime } from '../time/virtual-time.js';

/**
 * Virtual time for tests whose ports answer with native promises: it passes only when it is told to, and after each
 * wake-up everything that was set off is carried through, as far as it needs no more time.
 */
export class ManualTime implements Clock {
  readonly #time = new VirtualTime();
  readonly #startWallMs: number;
  #wallOffsetMs = 0;
  #lanes = 0;

  /** @param startWallMs what the wall clocks show at first, in milliseconds since the epoch */
  constructor(startWallMs: number) {
    this.#startWallMs = startWallMs;
  }

  monotonicMs(): number {
    return this.#time.nowMs;
  }

  wallMs(): number {
    return this.#startWallMs + this.#time.nowMs + this.#wallOffsetMs;
  }

  /** Lets the wall clock jump, as when a device learns the time; the monotonic one goes on. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Makes the scheduler of one device. */
  createScheduler(): Lane {
    return this.#time.createLane(++this.#lanes, true);
  }

  /** Carries everything through that needs no more time. */
  settle(): Promise<void> {
    return this.#time.settle();
  }

  /** Lets so much time pass, one wake-up after the other. */
  async advance(byMs: number): Promise<void> {
    await this.settle();
    await this.#time.run(this.#time.nowMs + byMs);
  }
}
