import { sameBytes } from '../../../protocol/bytes.js';
import type { Clock } from '../../ports/clock.js';
import type { Sensor, SensorListener } from '../../ports/sensor.js';
import type { Transport } from '../../ports/transport.js';
import type { Decoder } from './decoder.js';

/**
 * Samples from messages on one topic, over the session that the agent has anyway. Between two sessions samples are
 * lost. A retained message is the last that was said, perhaps long ago: with each session the broker gives it again,
 * and it counts only where it says something else than the last message did, and then stands by itself.
 */
export function createMqttSource(
  { topic, maxBytes }: { readonly topic: string; readonly maxBytes: number },
  decode: Decoder,
  transport: Transport,
  clock: Clock,
): Sensor {
  let listener: SensorListener | undefined;
  let leave = (): void => undefined;
  let last: Uint8Array | undefined;
  const subscribe = (): void => {
    const before = leave;
    leave = transport.subscribe(
      topic,
      ({ payload, retained }) => {
        if (retained && last !== undefined && sameBytes(payload, last)) return;
        last = payload;
        if (retained) listener?.interrupted();
        const samples = decode(payload);
        // Messages cannot be asked to wait: what is too much is dropped and counted further on.
        if (samples.ok) void listener?.samples(samples.value, clock.wallMs());
        else listener?.refused(samples.rejection);
        if (retained) listener?.interrupted();
      },
      (result) => {
        // Without a session there is nothing to report: the next one subscribes.
        if (!result.ok && result.rejection.code !== 'session-ended') {
          listener?.refused(result.rejection);
        }
      },
      { maxBytes },
    );
    // Opened and told of the session it was opened in, it still hears each message once.
    before();
  };
  return {
    open(opened) {
      listener = opened;
      subscribe();
    },
    sessionBegan() {
      listener?.interrupted();
      subscribe();
    },
    close() {
      listener = undefined;
      leave();
      return Promise.resolve();
    },
  };
}
