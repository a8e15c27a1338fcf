import { CodedError } from '../../protocol/coded-error.js';
import type { Result } from '../../protocol/result.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import type { Transport } from '../../agent/ports/transport.js';

/** A session of an operator's command: what it publishes is acknowledged, or the command fails. */
export interface BrokerClient {
  /** Publishes retained at QoS 1 and waits for the acknowledgement. */
  publish(topic: string, payload: Uint8Array): Promise<void>;
  /** The same, not retained. */
  send(topic: string, payload: Uint8Array): Promise<void>;
  /**
   * The retained message of a topic; undefined where nothing came within a short while after SUBACK, or within
   * a longer one where it is known to have been published.
   */
  readRetained(topic: string, isKnown?: boolean): Promise<Uint8Array | undefined>;
  /** Hears what is new on a topic until the returned function is called; resolves at SUBACK. What is retained is not new. */
  listen(topic: string, hear: (payload: Uint8Array) => void): Promise<() => void>;
  close(): Promise<void>;
}

/** Retained messages follow SUBACK at once; a broker that is far away gets this long. */
const retainedTimeoutMs = 500;

/** What is taken for missing is written anew without it: where it must be there, it is worth a wait. */
const knownRetainedTimeoutMs = 5_000;

/** How long a command tries to reach the broker, and how long it waits for an acknowledgement. */
const patienceMs = 10_000;

/** Opens a session. Throws what the transport gives as the reason when there is none in time. */
export async function connectBroker(
  transport: Transport,
  scheduler: Scheduler,
): Promise<BrokerClient> {
  await new Promise<void>((resolve, reject) => {
    const giveUp = scheduler.after(patienceMs, () => {
      reject(new CodedError('broker-unreachable', 'no answer'));
    });
    transport.open({
      connected: () => {
        giveUp();
        resolve();
      },
      // A command is no service: what the broker says first is the answer.
      disconnected: ({ code, detail }) => {
        giveUp();
        reject(new CodedError(code, detail));
      },
    });
  }).catch(async (error: unknown) => {
    await transport.close(0);
    throw error;
  });
  return {
    publish: (topic, payload) =>
      within(scheduler, `publishing ${topic}`, (done) => {
        transport.publish({ topic, payload, retained: true }, done);
      }),
    send: (topic, payload) =>
      within(scheduler, `publishing ${topic}`, (done) => {
        transport.publish({ topic, payload, retained: false }, done);
      }),
    readRetained: (topic, isKnown = false) =>
      new Promise((resolve, reject) => {
        let giveUp = scheduler.after(patienceMs, () => {
          finish(() => {
            reject(new CodedError('broker-unreachable', `reading ${topic}: no acknowledgement`));
          });
        });
        let leave = (): void => undefined;
        const finish = (settle: () => void): void => {
          giveUp();
          leave();
          settle();
        };
        leave = transport.subscribe(
          topic,
          ({ payload }) => {
            finish(() => {
              resolve(payload.length > 0 ? payload : undefined);
            });
          },
          (result) => {
            if (!result.ok) {
              finish(() => {
                reject(new CodedError(result.rejection.code, result.rejection.detail));
              });
              return;
            }
            giveUp();
            giveUp = scheduler.after(isKnown ? knownRetainedTimeoutMs : retainedTimeoutMs, () => {
              finish(() => {
                resolve(undefined);
              });
            });
          },
        );
      }),
    listen: async (topic, hear) => {
      let leave = (): void => undefined;
      await within(scheduler, `subscribing to ${topic}`, (done) => {
        leave = transport.subscribe(
          topic,
          ({ payload, retained }) => {
            if (!retained) hear(payload);
          },
          done,
        );
      });
      return leave;
    },
    close: () => transport.close(patienceMs),
  };
}

function within(
  scheduler: Scheduler,
  what: string,
  start: (done: (result: Result<void>) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = scheduler.after(patienceMs, () => {
      reject(new CodedError('broker-unreachable', `${what}: no acknowledgement`));
    });
    start((result) => {
      giveUp();
      if (result.ok) resolve();
      else reject(new CodedError(result.rejection.code, result.rejection.detail));
    });
  });
}
