import type { Scheduler } from '../../agent/ports/scheduler.js';
import type { Clock } from '../../agent/ports/clock.js';

/** Between two turns of the event loop that start devices. */
const turnMs = 20;

/** More starts in one turn would let timers and sockets wait. */
const mostInTurn = 16;

/**
 * Does something for each of a list, in order, so many a second, or (Infinity) as fast as timers stay alive: sockets that all connect in one turn of the event loop
 * let every timer stand still. Gives the way to end it early; `done` is called after the last.
 */
export function ramp<T>(
  all: readonly T[],
  perSecond: number,
  { clock, scheduler }: { readonly clock: Clock; readonly scheduler: Scheduler },
  start: (each: T) => void,
  done: () => void = () => undefined,
): () => void {
  let started = 0;
  let cancel = (): void => undefined;
  const beganMs = clock.monotonicMs();
  const turn = (): void => {
    const seconds = (clock.monotonicMs() - beganMs) / 1000;
    const due = perSecond === Infinity ? all.length : Math.floor(seconds * perSecond) + 1;
    const until = Math.min(all.length, due, started + mostInTurn);
    for (const each of all.slice(started, until)) start(each);
    started = until;
    if (started === all.length) done();
    else cancel = scheduler.after(turnMs, turn);
  };
  turn();
  return () => {
    cancel();
  };
}

/** So many devices are started a second where nobody says: 20, a larger fleet within ten seconds, a large one at 200. */
export function usualRate(devices: number): number {
  return Math.min(200, Math.max(20, devices / 10));
}
