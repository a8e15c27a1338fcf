import assert from 'node:assert/strict';
import mqtt, { type MqttClient } from 'mqtt';
import type { MqttTransport } from '../../../../agent/adapters/mqtt/transport.js';
import { createSource } from '../../../../agent/adapters/sources/create-source.js';
import { createSystemClock } from '../../../../agent/adapters/system-clock.js';
import type { Sensor } from '../../../../agent/ports/sensor.js';
import { startBroker, type EmbeddedBroker } from '../../../../simulator/demo/broker.js';
import { Mailbox } from '../../../helpers/mailbox.js';
import { startRelay, type Relay } from '../../../helpers/relay.js';
import { createTransport } from '../mqtt/broker-world.js';

describe('a source on a topic', () => {
  let broker: EmbeddedBroker;
  let relay: Relay;
  let other: MqttClient;
  let transport: MqttTransport;
  let sensor: Sensor;
  const seen = new Mailbox<number[] | string>();
  const sessions = new Mailbox<number>();

  before(async () => {
    broker = await startBroker(0);
    relay = await startRelay(Number(new URL(broker.url).port));
    other = await mqtt.connectAsync(broker.url);
  });
  after(async () => {
    await other.endAsync(true);
    await relay.close();
    await broker.close();
  });
  beforeEach(async () => {
    transport = createTransport(`mqtt://127.0.0.1:${relay.port}`, { protocol: '3.1.1' });
    sensor = createSource(
      {
        type: 'mqtt',
        topic: 'sensors/accel',
        decode: 'json',
        fields: ['/x', '/y'],
        maxBytes: 300_000,
        silentAfterMs: 60_000,
      },
      { channels: 2, sampleRateHz: undefined },
      { transport, clock: createSystemClock(), note: () => undefined },
    );
    // As the agent does: the source is opened before there is a session, and told of each.
    sensor.open({
      samples: (values) => {
        seen.put([...values]);
        return undefined;
      },
      interrupted: () => {
        seen.put('interrupted');
      },
      refused: ({ code }) => {
        seen.put(code);
      },
      ended: () => {
        seen.put('ended');
      },
    });
    transport.open({
      connected: ({ connection }) => {
        sensor.sessionBegan?.();
        sessions.put(connection);
      },
      disconnected: () => undefined,
    });
    await sessions.next();
    await subscribed();
    assert.equal(await seen.next(), 'interrupted');
  });
  afterEach(async () => {
    await sensor.close();
    await transport.close(1_000);
    assert.deepEqual(seen.unread, []);
  });

  /** Answers come in order: what was asked before is answered too. */
  const subscribed = (): Promise<void> =>
    new Promise((resolve) => {
      transport.subscribe(
        'sensors/nothing',
        () => undefined,
        () => {
          resolve();
        },
      );
    });
  const send = (message: string | Buffer): Promise<unknown> =>
    other.publishAsync('sensors/accel', message, { qos: 1 });

  it('gives the samples of each message', async () => {
    await send('{"x":1,"y":2}');
    await send('{"x":[3,5],"y":[4,6]}');
    assert.deepEqual(
      [await seen.next(), await seen.next()],
      [
        [1, 2],
        [3, 4, 5, 6],
      ],
    );
  });

  it('refuses a message that holds none, and goes on', async () => {
    await send('{"x":1}');
    await send(Buffer.alloc(0));
    await send('{"x":1,"y":2}');
    const all = [await seen.next(), await seen.next(), await seen.next()];
    assert.deepEqual(all, ['sample-invalid', 'sample-invalid', [1, 2]]);
  });

  it('subscribes anew with each session, and goes on after a message that was too large', async () => {
    relay.cut();
    await sessions.next();
    await subscribed();
    await send('{"x":1,"y":2}');
    assert.deepEqual([await seen.next(), await seen.next()], ['interrupted', [1, 2]]);
    await send(Buffer.alloc(300_001, ' '));
    await send('{"x":3,"y":4}');
    assert.deepEqual(await seen.next(), [3, 4]);
  });

  it('reads messages up to its own limit, beyond that of other topics', async () => {
    const message = '{"x":1,"y":2}';
    await send(message + ' '.repeat(300_000 - message.length));
    assert.deepEqual(await seen.next(), [1, 2]);
  });

  describe('that retains its last message', () => {
    const retain = (message: string): Promise<unknown> =>
      other.publishAsync('sensors/accel', message, { qos: 1, retain: true });
    const reconnect = async (): Promise<void> => {
      relay.cut();
      await sessions.next();
      await subscribed();
    };
    afterEach(() => retain(''));

    it('gives it once, and not anew with each session', async () => {
      await retain('{"x":1,"y":2}');
      assert.deepEqual(await seen.next(), [1, 2]);
      for (let i = 0; i < 3; i++) {
        await reconnect();
        assert.equal(await seen.next(), 'interrupted');
      }
      await send('{"x":1,"y":2}');
      assert.deepEqual(await seen.next(), [1, 2]);
    });

    it('gives what was retained while there was no session, as samples of another time', async () => {
      await send('{"x":1,"y":2}');
      assert.deepEqual(await seen.next(), [1, 2]);
      relay.cut();
      await retain('{"x":3,"y":4}');
      await sessions.next();
      await subscribed();
      const heard = [];
      while (seen.unread.length > 0) heard.push(await seen.next());
      assert.deepEqual(heard, ['interrupted', 'interrupted', [3, 4], 'interrupted']);
    });
  });

  it('gives nothing after it is closed', async () => {
    await sensor.close();
    await send('{"x":1,"y":2}');
    await subscribed();
    assert.deepEqual(seen.unread, []);
  });
});
