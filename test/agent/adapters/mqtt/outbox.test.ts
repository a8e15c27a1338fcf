import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Outbox } from '../../../../agent/adapters/mqtt/outbox.js';
import { Suspects } from '../../../../agent/adapters/mqtt/suspects.js';
import type { Channel, Message } from '../../../../agent/ports/transport.js';
import { accept } from '../../../../protocol/result.js';
import { ManualTime } from '../../../../simulator/ports/manual-time.js';
import { connect, codeOf, publish, text } from '../../../contract/transport.contract.js';
import { startMosquitto } from '../../../helpers/mosquitto.js';
import { requires } from '../../../helpers/requires.js';
import { createTransport } from './broker-world.js';

/** Ranks, the first to go first. */
const ranks: readonly (readonly Channel[])[] = [
  ['presence', 'state'],
  ['events'],
  ['report', 'telemetry'],
  ['results', 'other'],
];

describe('Outbox', () => {
  let suspects: Suspects;
  beforeEach(() => {
    suspects = new Suspects(new ManualTime(0).createScheduler(), () => undefined);
  });

  it('settles each message once, in order of its rank, over any sessions, and adds up', () => {
    const action = fc.oneof(
      fc.record({
        add: fc.nat(3),
        channel: fc.constantFrom(...ranks.flat()),
        bytes: fc.nat(300),
        retained: fc.boolean(),
      }),
      fc.record({
        take: fc.integer({ min: 1, max: 8 }),
        acknowledge: fc.nat(8),
        isTelling: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const scheduler = new ManualTime(0).createScheduler();
        const suspects = new Suspects(scheduler, () => undefined);
        const outbox = new Outbox(2_000, suspects);
        const settled = new Map<number, string>();
        const sent = new Map<Channel, number[]>();
        let count = 0;
        for (const each of actions) {
          if ('add' in each) {
            const n = count++;
            const { channel, retained } = each;
            const payload = Uint8Array.of(n, ...new Uint8Array(each.bytes));
            outbox.add(
              { topic: `${channel}/${each.add}`, payload, retained, channel },
              (result) => {
                assert.ok(!settled.has(n), 'settled twice');
                settled.set(n, codeOf(result));
              },
            );
            assert.ok(outbox.waitingBytes <= 2_000);
          } else {
            let rest = each.acknowledge;
            for (const { message, settle } of outbox.takeUpTo(each.take)) {
              const [n = 0] = message.payload;
              const before = sent.get(message.channel ?? 'other') ?? [];
              if (!before.includes(n)) before.push(n);
              sent.set(message.channel ?? 'other', before);
              if (rest-- > 0) settle(accept(undefined));
            }
            outbox.sessionEnded(
              suspects.sessionEnded({ isTelling: each.isTelling, wasSteady: true }).condemned,
            );
          }
        }
        outbox.close({ code: 'session-ended', detail: '' });
        suspects.close();
        assert.equal(settled.size, count);
        assert.equal(outbox.waitingBytes, 0);
        const lost = [...settled.values()].filter((code) => /spool|refused/.test(code));
        assert.equal(
          Object.values(outbox.dropped).reduce((sum, n) => sum + n, 0),
          lost.length,
        );
        const refused = [...settled.values()].includes('publish-refused');
        for (const numbers of refused ? [] : sent.values()) {
          assert.deepEqual(
            numbers,
            [...numbers].sort((a, b) => a - b),
          );
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('sends presence and events before results that waited longer, and lets those pass too', () => {
    const outbox = new Outbox(100_000, suspects);
    for (let i = 0; i < 10; i++) outbox.add(of('results', i));
    for (let i = 0; i < 20; i++) outbox.add(of('events', i));
    outbox.add(of('state', 0, true));
    const order = [...outbox.takeUpTo(31)].map(({ message }) => message.channel);
    assert.deepEqual(order.slice(0, 7), ['state', ...Array<string>(6).fill('events')]);
    // Nobody waits for ever behind a flood of something that goes first.
    assert.equal(order.slice(0, 16).filter((channel) => channel === 'results').length, 2);
  });

  it('gives up results first, and keeps state and events, whatever the flood', () => {
    const outbox = new Outbox(8_000, suspects);
    outbox.add(of('state', 0, true));
    for (let i = 0; i < 5; i++) outbox.add(of('events', i));
    outbox.add(of('telemetry', 0));
    for (let i = 0; i < 1_000; i++) outbox.add(of('results', i));
    assert.deepEqual(Object.keys(outbox.dropped), ['results']);
    const kept = [...outbox.takeUpTo(1_000)];
    assert.deepEqual(
      kept.map(({ message }) => message.channel).filter((channel) => channel !== 'results'),
      ['state', ...Array<string>(5).fill('events'), 'telemetry'],
    );
    assert.equal((outbox.dropped.results ?? 0) + kept.length - 7, 1_000);
  });

  it('sends answers to commands where nothing else waits, and gives them up first', () => {
    const outbox = new Outbox(8_000, suspects);
    for (let i = 0; i < 20; i++) outbox.add(of('responses', i));
    for (let i = 0; i < 40; i++) outbox.add(of(i % 2 === 0 ? 'results' : 'events', i));
    assert.deepEqual(Object.keys(outbox.dropped), ['responses']);
    const kept = [...outbox.takeUpTo(1_000)].map(({ message }) => message.channel);
    const firstAnswer = kept.indexOf('responses');
    assert.equal(kept.filter((channel) => channel !== 'responses').length, 40);
    assert.ok(firstAnswer === -1 || firstAnswer === 40, String(firstAnswer));
  });

  it('keeps a share of the room for results in a flood of events', () => {
    const outbox = new Outbox(8_000, suspects);
    for (let i = 0; i < 20; i++) outbox.add(of('results', i));
    for (let i = 0; i < 1_000; i++) outbox.add(of('events', i));
    assert.deepEqual(Object.keys(outbox.dropped).sort(), ['events', 'results']);
    const kept = [...outbox.takeUpTo(1_000)].filter(({ message }) => message.channel === 'results');
    const bytes = kept.reduce((sum, { message }) => sum + 64 + message.topic.length + 100, 0);
    assert.ok(bytes > 1_700 && bytes <= 2_000, String(bytes));
  });

  it('sends what was not acknowledged again, in its order and before what is newer', () => {
    const outbox = new Outbox(100_000, suspects);
    for (const name of ['a', 'b', 'c', 'd']) outbox.add(text(name, ''));
    const [first] = [...outbox.takeUpTo(2)];
    first?.settle(accept(undefined));
    assert.equal([...outbox.takeUpTo(2)].length, 1);
    outbox.sessionEnded(undefined);
    assert.deepEqual(
      [...outbox.takeUpTo(9)].map(({ message }) => message.topic),
      ['b', 'c', 'd'],
    );
  });

  it('gives up the one message that ends sessions, and no other', () => {
    const outbox = new Outbox(100_000, suspects);
    const codes = new Map<string, string>();
    for (const name of ['a', 'b', 'poison', 'c', 'd']) {
      outbox.add(text(name, ''), (result) => codes.set(name, codeOf(result)));
    }
    for (let session = 0; session < 4 && !outbox.isEmpty; session++) {
      endAt('poison', outbox);
    }
    assert.deepEqual(Object.fromEntries(codes), {
      a: 'ok',
      b: 'ok',
      poison: 'publish-refused',
      c: 'ok',
      d: 'ok',
    });
  });

  it('holds back a topic that ended sessions, keeps its later messages, and sends them in order when it may', async () => {
    const time = new ManualTime(0);
    const suspects = new Suspects(time.createScheduler(), () => undefined);
    const outbox = new Outbox(100_000, suspects);
    const endAtPoison = (): void => {
      const taken = [...outbox.takeUpTo(16)];
      if (taken.length > 0)
        outbox.sessionEnded(suspects.sessionEnded({ isTelling: true, wasSteady: true }).condemned);
    };
    for (let i = 0; i < 5; i++) outbox.add(text('poison', String(i)));
    for (let session = 0; session < 3; session++) endAtPoison();
    assert.ok(outbox.isEmpty, 'nothing is waited for');
    outbox.add(text('poison', '5'));
    outbox.add(text('other', 'x'));
    const [other, ...more] = outbox.takeUpTo(16);
    assert.deepEqual([other?.message.topic, more], ['other', []]);
    other?.settle(accept(undefined));
    await time.advance(60_000);
    const seen: string[] = [];
    for (;;) {
      const taken = [...outbox.takeUpTo(16)];
      if (taken.length === 0) break;
      // The first goes alone.
      assert.equal(taken.length, seen.length === 0 ? 1 : 4);
      for (const { message, settle } of taken) {
        seen.push(new TextDecoder().decode(message.payload));
        settle(accept(undefined));
      }
    }
    assert.deepEqual(seen, ['1', '2', '3', '4', '5']);
  });

  /** A session in which the broker acknowledges all but the message on one topic, over which it ends. */
  const endAt = (topic: string, outbox: Outbox): void => {
    for (;;) {
      const taken = [...outbox.takeUpTo(16)];
      if (taken.length === 0 || taken.some(({ message }) => message.topic === topic)) break;
      for (const { settle } of taken) settle(accept(undefined));
    }
    outbox.sessionEnded(suspects.sessionEnded({ isTelling: true, wasSteady: true }).condemned);
  };
});

/** A message of 100 bytes on a topic of its channel; for a retained one, always the same. */
function of(channel: Channel, n: number, retained = false): Message {
  const topic = retained ? channel : `${channel}/${n}`;
  return { topic, payload: new Uint8Array(100), retained, channel };
}

describe('a message that the broker answers with the end of the session', () => {
  before(function () {
    requires(this, 'mosquitto');
  });

  it('is given up after a while, and the others arrive', async () => {
    // Mosquitto 2.0 answers MQTT 5 with a reason code that PUBACK does not have (MQTT 5, 3.4.2.1).
    const broker = await startMosquitto({
      config: (port) =>
        `listener ${port} 127.0.0.1\nallow_anonymous true\nmessage_size_limit 1000\n`,
    });
    const transport = createTransport(broker.url, { protocol: '5' });
    try {
      await connect(transport);
      const results = await Promise.all([
        publish(transport, text('a', 'before')),
        publish(transport, { topic: 'b', payload: new Uint8Array(1_001), retained: false }),
        publish(transport, text('c', 'after')),
      ]);
      assert.deepEqual(results.map(codeOf), ['ok', 'publish-refused', 'ok']);
    } finally {
      await transport.close(0);
      await broker.stop();
    }
  });
});
