import type { Channel } from '../../agent/ports/transport.js';
import type { Checker } from './checker.js';

const hourMs = 3_600_000;

/** What a device says of itself when something happens to it; results and reports follow the clock. */
const spoken: ReadonlySet<Channel> = new Set(['events', 'state', 'presence', 'other']);

/** More in an hour is a loop that feeds itself. */
const mostInHour = 1_200;

interface Hour {
  readonly sinceMs: number;
  count: number;
}

/** Traffic has no loops: what a device says of itself in an hour is bounded, whatever happens to it. */
export function createQuietChecker(): Checker {
  const hours = new Map<string, Hour>();
  return {
    name: 'quiet',
    kind: 'safety',
    device(deviceId, event, atMs) {
      if (event.kind !== 'published' || !spoken.has(event.message.channel ?? 'other'))
        return undefined;
      const known = hours.get(deviceId);
      const hour = known === undefined || atMs - known.sinceMs >= hourMs ? undefined : known;
      if (hour === undefined) hours.set(deviceId, { sinceMs: atMs, count: 1 });
      else if (++hour.count === mostInHour + 1)
        return `said more than ${mostInHour} things in an hour`;
      return undefined;
    },
  };
}
