import assert from 'node:assert/strict';
import type net from 'node:net';
import type { Scheduler } from '../../../../agent/ports/scheduler.js';
import { connect, listen, text } from '../../../contract/transport.contract.js';
import { Mailbox } from '../../../helpers/mailbox.js';
import { findFreePort } from '../../../helpers/mosquitto.js';
import { createTransport } from './broker-world.js';
import { connack, startRawBroker } from './raw-broker.js';

/** A timer that was armed; the test decides when its time has come. */
interface Armed {
  readonly delayMs: number;
  readonly wake: () => void;
}

describe('the attempts of a transport', () => {
  it('are spaced by up to a second, then twice that, up to five minutes', async () => {
    const timers = new Mailbox<Armed>();
    const transport = createTransport(`mqtt://127.0.0.1:${await findFreePort()}`, slow(timers));
    listen(transport);
    const delays: number[] = [];
    for (let attempt = 0; attempt < 12; attempt++) {
      const { delayMs, wake } = await timers.next();
      delays.push(Math.round(delayMs / 1000));
      wake();
    }
    assert.deepEqual(delays, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    await transport.close(0);
  });

  it('are spaced by chance, so that a fleet does not come back at once', async () => {
    const timers = new Mailbox<Armed>();
    const entropy = { uint32: () => 2 ** 31 };
    const url = `mqtt://127.0.0.1:${await findFreePort()}`;
    const transport = createTransport(url, { ...slow(timers), entropy });
    listen(transport);
    assert.equal((await timers.next()).delayMs, 500);
    await transport.close(0);
  });

  it('go through the addresses in order, and again', async () => {
    const [one, two] = await Promise.all([answering(), answering()]);
    const timers = new Mailbox<Armed>();
    const transport = createTransport([one.url, two.url], { ...slow(timers), protocol: '3.1.1' });
    listen(transport);
    await one.connects.next();
    for (const next of [two, one, two]) {
      (await timers.next()).wake();
      await next.connects.next();
    }
    await transport.close(0);
    await Promise.all([one.close(), two.close()]);
  });

  it('become rarer also where sessions open and soon end, and start over after a steady one', async () => {
    const sockets = new Mailbox<net.Socket>();
    const broker = await startRawBroker((socket) => {
      socket.write(connack[5]);
      sockets.put(socket);
    });
    const timers = new Mailbox<Armed>();
    const transport = createTransport(broker.url, slow(timers));
    const { connected } = await connect(transport);
    const delays: number[] = [];
    for (let session = 0; session < 5; session++) {
      const steady = await timers.next();
      assert.equal(steady.delayMs, 10_000);
      if (session === 3) steady.wake();
      (await sockets.next()).end();
      const retry = await timers.next();
      delays.push(Math.round(retry.delayMs / 1000));
      retry.wake();
      await connected.next();
    }
    assert.deepEqual(delays, [1, 2, 4, 1, 2]);
    await transport.close(0);
    await broker.close();
  });

  it('stay short while the topics are sought that end sessions, but not for ever', async () => {
    const broker = await startRawBroker((socket) => {
      socket.write(connack[5]);
      socket.on('data', () => socket.end());
    });
    const timers = new Mailbox<Armed>();
    const transport = createTransport(broker.url, slow(timers));
    // Whatever is published, this broker ends the session: the search cannot come to an end.
    for (let i = 0; i < 16; i++) transport.publish(text(`topic/${i}`, 'ends the session'));
    const { connected } = await connect(transport);
    const delays: number[] = [];
    while (delays.length < 18) {
      // Between two attempts timers are armed for steadiness, and for topics that are held back.
      const timer = await timers.nextThat(({ delayMs }) => ![10_000, 60_000].includes(delayMs));
      delays.push(Math.round(timer.delayMs / 1000));
      timer.wake();
      await connected.next();
    }
    assert.deepEqual(delays, [1, ...Array<number>(12).fill(1), 2, 4, 8, 16, 32]);
    await transport.close(0);
    await broker.close();
  });
});

/** A broker that is there and wants nothing. */
const answering = () => startRawBroker((socket) => socket.end());

/** Always the longest delay, and a clock that the test moves. */
function slow(timers: Mailbox<Armed>): {
  scheduler: Scheduler;
  entropy: { uint32(): number };
} {
  return {
    entropy: { uint32: () => 2 ** 32 - 1 },
    scheduler: {
      after(delayMs, wake) {
        timers.put({ delayMs, wake });
        return () => undefined;
      },
      cron: () => () => undefined,
    },
  };
}
