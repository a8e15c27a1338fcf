import type { Result } from '../../../protocol/result.js';
import { sameBytes } from '../../../protocol/bytes.js';
import type { Clock } from '../../ports/clock.js';
import type { Sensor, SensorListener } from '../../ports/sensor.js';
import type { Transport } from '../../ports/transport.js';
import type { Decoder, SlowDecoder } from './decoder.js';

/**
 * Samples from messages on one topic, over the session that the agent has anyway. Between two sessions samples are
 * lost. A retained message is the last that was said, perhaps long ago: with each session the broker gives it again,
 * and it counts only where it says something else than the last message did, and then stands by itself.
 */
export function createMqttSource(
  { topic, maxBytes }: { readonly topic: string; readonly maxBytes: number },
  decode: Decoder | SlowDecoder,
  transport: Transport,
  clock: Clock,
): Sensor {
  let listener: SensorListener | undefined;
  let leave = (): void => undefined;
  let last: Uint8Array | undefined;
  /** Where messages are still being decoded, whatever comes meanwhile comes after them. */
  let underWay = 0;
  let line = Promise.resolve();
  const inTurn = (act: () => void): void => {
    if (underWay === 0) act();
    else line = line.then(act);
  };
  const deliver = (samples: Result<Float32Array>, wallMs: number, standsAlone: boolean): void => {
    if (standsAlone) listener?.interrupted();
    // Messages cannot be asked to wait: what is too much is dropped and counted further on.
    if (samples.ok) listener?.samples(samples.value, wallMs);
    else listener?.refused(samples.rejection);
    if (standsAlone) listener?.interrupted();
  };
  const subscribe = (): void => {
    const before = leave;
    leave = transport.subscribe(
      topic,
      ({ payload, retained }) => {
        if (retained && last !== undefined && sameBytes(payload, last)) return;
        last = payload;
        const wallMs = clock.wallMs();
        const samples = decode(payload);
        if (!(samples instanceof Promise)) {
          deliver(samples, wallMs, retained);
          return;
        }
        underWay++;
        line = line
          .then(() => samples)
          .then((decoded) => {
            underWay--;
            deliver(decoded, wallMs, retained);
          });
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
      inTurn(() => listener?.interrupted());
      subscribe();
    },
    close() {
      listener = undefined;
      leave();
      return Promise.resolve();
    },
  };
}
