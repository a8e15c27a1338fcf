import { limits } from '../../../protocol/limits.js';
import { ask, type Process } from '../process.js';

/**
 * Waits until what is retained on a subscribed topic would have come: until nothing at all has come in the session
 * for `limits.blockTimeoutMs`. On a slow link other blocks are on their way before it, for minutes. A busy session is
 * never quiet; where only small messages come for `limits.blockPatienceMs`, nothing large is on its way.
 */
export function* untilQuiet(): Process<void> {
  let before = yield* ask('traffic', {});
  let quietMs = 0;
  let smallMs = 0;
  while (quietMs < limits.blockTimeoutMs && smallMs < limits.blockPatienceMs) {
    yield* ask('wait', { delayMs: limits.trafficPollMs });
    const now = yield* ask('traffic', {});
    const isQuiet = now.receivedBytes === before.receivedBytes;
    const isLargeComing = !isQuiet && now.packetBytes >= limits.blockBytesLeast;
    quietMs = isQuiet ? quietMs + limits.trafficPollMs : 0;
    smallMs = isLargeComing ? 0 : smallMs + limits.trafficPollMs;
    before = now;
  }
}
