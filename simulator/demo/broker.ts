import { createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import mqEmitter from 'mqemitter';

/** A broker within this process, for people who have none yet. It speaks MQTT 3.1.1. */
export interface EmbeddedBroker {
  readonly url: string;
  /** Hands every message that is published to a listener, in order. */
  observe(listener: (topic: string, payload: Uint8Array) => void): void;
  close(): Promise<void>;
}

/** Starts a broker on the loopback interface; port 0 takes any that is free. */
export async function startBroker(port: number): Promise<EmbeddedBroker> {
  // One message at a time: with more, aedes hands messages of one topic on in another order than they came
  // (MQTT 3.1.1, 4.6 wants that order), and the older state of a device would stay.
  const mq = mqEmitter({ concurrency: 1, matchEmptyLevels: true });
  const aedes = await Aedes.createBroker({ mq });
  const server = createServer((socket) => {
    aedes.handle(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `mqtt://127.0.0.1:${portOf(server)}`,
    observe(listener) {
      aedes.on('publish', ({ topic, payload }) => {
        listener(topic, typeof payload === 'string' ? Buffer.from(payload) : payload);
      });
    },
    close: () =>
      new Promise((resolve) => {
        aedes.close(() => {
          server.close(() => {
            resolve();
          });
        });
      }),
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the broker has no port');
  return address.port;
}
