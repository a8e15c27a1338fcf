import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import sinon from 'sinon';
import type { MqttTransport } from '../../../../agent/adapters/mqtt/transport.js';
import type { Rejection } from '../../../../protocol/result.js';
import { connect, text, type SessionEvents } from '../../../contract/transport.contract.js';
import { createTransport } from './broker-world.js';
import { connack, startRawBroker, type RawBroker } from './raw-broker.js';

const pingreq = 0xc0;
const pingresp = Uint8Array.of(0xd0, 0);

describe('a transport before a broker that withholds answers', () => {
  let clock: sinon.SinonFakeTimers;
  let broker: RawBroker | undefined;
  let transport: MqttTransport | undefined;
  beforeEach(() => {
    // Only the seconds of the watch: sockets and attempts go on by themselves.
    clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  });
  afterEach(async () => {
    clock.restore();
    await transport?.close(0);
    await broker?.close();
  });

  /** A session with a broker that may answer pings, and nothing else. */
  const start = async (protocol: 4 | 5, answersPings: boolean): Promise<SessionEvents> => {
    broker = await startRawBroker((socket) => {
      socket.write(connack[protocol]);
      socket.on('data', (chunk) => {
        if (answersPings && chunk.at(-2) === pingreq) socket.write(pingresp);
      });
    });
    transport = createTransport(broker.url, { protocol: protocol === 5 ? '5' : '3.1.1' });
    return connect(transport);
  };

  /** Lets seconds pass, and bytes go to and fro in each, until the session ends. */
  const pass = async (
    events: SessionEvents,
    seconds: number,
  ): Promise<{ afterS: number; rejection: Rejection } | undefined> => {
    for (let afterS = 1; afterS <= seconds; afterS++) {
      clock.tick(1_000);
      for (let i = 0; i < 20; i++) await turn();
      const [rejection] = events.disconnected.unread;
      if (rejection !== undefined) return { afterS, rejection };
    }
    return undefined;
  };

  for (const protocol of [4, 5] as const) {
    for (const [what, ask] of [
      [
        'SUBACK',
        (it: MqttTransport) =>
          it.subscribe(
            'news',
            () => undefined,
            () => undefined,
          ),
      ],
      ['PUBACK', (it: MqttTransport) => it.publish(text('news', 'x'))],
    ] as const) {
      it(`begins a new session within 20 s without ${what}, and says why (MQTT ${protocol})`, async () => {
        const events = await start(protocol, true);
        if (transport !== undefined) ask(transport);
        const end = await pass(events, 20);
        assert.equal(end?.rejection.code, 'session-unanswered');
        assert.match(end.rejection.detail, /news/);
        assert.equal((await events.connected.next()).connection, 2);
      });
    }
  }

  it('keeps a session in which nothing is asked, with pings alone', async () => {
    assert.equal(await pass(await start(5, true), 300), undefined);
  });

  it('ends a session in which nothing is answered, pings included, within 50 s', async () => {
    const events = await start(5, false);
    transport?.publish(text('news', 'x'));
    const end = await pass(events, 50);
    assert.equal(end?.rejection.code, 'session-ended');
  });
});
