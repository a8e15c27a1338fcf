import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Outbox } from '../../../../agent/adapters/mqtt/outbox.js';
import { accept } from '../../../../protocol/result.js';
import { connect, codeOf, publish, text } from '../../../contract/transport.contract.js';
import { startMosquitto } from '../../../helpers/mosquitto.js';
import { requires } from '../../../helpers/requires.js';
import { createTransport } from './broker-world.js';

describe('Outbox', () => {
  it('settles each message once, in order, over any sessions, and adds up', () => {
    const action = fc.oneof(
      fc.record({ add: fc.nat(3), bytes: fc.nat(300), retained: fc.boolean() }),
      fc.record({ take: fc.integer({ min: 1, max: 8 }), acknowledge: fc.nat(8) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const outbox = new Outbox(2_000);
        const settled = new Map<number, string>();
        const sent: number[] = [];
        let count = 0;
        for (const each of actions) {
          if ('add' in each) {
            const n = count++;
            const payload = Uint8Array.of(n, ...new Uint8Array(each.bytes));
            const message = { topic: `t${each.add}`, payload, retained: each.retained };
            outbox.add(message, (result) => {
              assert.ok(!settled.has(n), 'settled twice');
              settled.set(n, codeOf(result));
            });
            assert.ok(outbox.waitingBytes <= 2_000);
          } else {
            let rest = each.acknowledge;
            for (const { message, settle } of outbox.takeUpTo(each.take)) {
              const [n = 0] = message.payload;
              if (!sent.includes(n)) sent.push(n);
              if (rest-- > 0) settle(accept(undefined));
            }
            outbox.sessionEnded();
          }
        }
        assert.deepEqual(
          sent,
          [...sent].sort((a, b) => a - b),
        );
        outbox.close({ code: 'session-ended', detail: '' });
        assert.equal(settled.size, count);
        assert.equal(outbox.waitingBytes, 0);
        const lost = [...settled.values()].filter((code) => /spool|refused/.test(code));
        assert.equal(outbox.droppedMessages, lost.length);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('gives up the one message that ends sessions, and no other', () => {
    const outbox = new Outbox(100_000);
    const codes = new Map<string, string>();
    for (const name of ['a', 'b', 'poison', 'c', 'd']) {
      outbox.add(text(name, ''), (result) => codes.set(name, codeOf(result)));
    }
    for (let session = 0; session < 20 && !outbox.isEmpty; session++) {
      // The broker ends the session at the poison, before it has acknowledged anything else that was sent.
      for (;;) {
        const taken = [...outbox.takeUpTo(16)];
        if (taken.length === 0 || taken.some(({ message }) => message.topic === 'poison')) break;
        for (const { settle } of taken) settle(accept(undefined));
      }
      outbox.sessionEnded();
    }
    assert.deepEqual(Object.fromEntries(codes), {
      a: 'ok',
      b: 'ok',
      poison: 'publish-refused',
      c: 'ok',
      d: 'ok',
    });
  });
});

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
