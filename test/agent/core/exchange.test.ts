import assert from 'node:assert/strict';
import type { Effect } from '../../../agent/core/effect.js';
import { Exchange, type Subscriber } from '../../../agent/core/exchange.js';
import { Tasks } from '../../../agent/core/process.js';
import { accept, refuse } from '../../../protocol/result.js';

const topic = 'truth/press-7';
const suback = accept(undefined);

describe('the topics of a device', () => {
  let tasks: Tasks;
  let exchange: Exchange;
  let heard: string[];

  beforeEach(() => {
    tasks = new Tasks();
    exchange = new Exchange(tasks);
    heard = [];
  });

  const listener = (name: string, more: Partial<Subscriber> = {}): Subscriber => ({
    message: (payload) => heard.push(`${name} ${payload[0]}`),
    subscribed: () => heard.push(`${name} subscribed`),
    refused: ({ code }) => heard.push(`${name} ${code}`),
    ...more,
  });
  /** What the broker was told since the last time, and the requests that wait for SUBACK. */
  const sent = (): readonly string[] =>
    tasks
      .takeEffects()
      .map((effect) => ('topic' in effect ? `${effect.kind} ${effect.topic}` : effect.kind));
  const requests = (): readonly number[] =>
    tasks
      .takeEffects()
      .filter((effect): effect is Effect & { request: number } => effect.kind === 'subscribe')
      .map(({ request }) => request);
  const deliver = (byte: number): void => {
    exchange.deliver(topic, Uint8Array.of(byte));
  };

  it('bring each message to all who listen', () => {
    exchange.begin();
    exchange.subscribe(topic, listener('a'));
    exchange.subscribe(topic, listener('b'));
    deliver(1);
    assert.deepEqual(heard, ['a 1', 'b 1']);
  });

  it('are unsubscribed after the last listener, not before, and once', () => {
    exchange.begin();
    const leaveA = exchange.subscribe(topic, listener('a'));
    const leaveB = exchange.subscribe(topic, listener('b'));
    sent();
    leaveA();
    leaveA();
    assert.deepEqual(sent(), []);
    deliver(1);
    assert.deepEqual(heard, ['b 1']);
    leaveB();
    leaveB();
    assert.deepEqual(sent(), [`unsubscribe ${topic}`]);
  });

  it('are subscribed again for one who joins, so that what is retained comes to it too', () => {
    exchange.begin();
    exchange.subscribe(topic, listener('a'));
    const [first = 0] = requests();
    exchange.subscribe(topic, listener('b'));
    const [second = 0] = requests();
    assert.notEqual(second, 0);
    tasks.answer(second, suback);
    assert.deepEqual(heard, ['b subscribed']);
    tasks.answer(first, suback);
    assert.deepEqual(heard, ['b subscribed', 'a subscribed']);
  });

  it('are subscribed once at the beginning of a session, for all who listen', () => {
    exchange.subscribe(topic, listener('a'));
    exchange.subscribe(topic, listener('b'));
    assert.deepEqual(sent(), []);
    exchange.begin();
    const all = requests();
    assert.equal(all.length, 1);
    tasks.answer(all[0] ?? 0, suback);
    assert.deepEqual(heard, ['a subscribed', 'b subscribed']);
  });

  it('say nothing to one who left before SUBACK, also where it has come back', () => {
    exchange.begin();
    exchange.subscribe(topic, listener('first'))();
    exchange.subscribe(topic, listener('second'));
    const [first = 0, second = 0] = requests();
    tasks.answer(first, suback);
    assert.deepEqual(heard, []);
    tasks.answer(second, suback);
    assert.deepEqual(heard, ['second subscribed']);
  });

  it('take no answer of an earlier session for one of this session', () => {
    exchange.begin();
    exchange.subscribe(topic, listener('a'));
    const [first = 0] = requests();
    exchange.end();
    exchange.begin();
    tasks.answer(first, refuse('subscription-refused', 'of the earlier session'));
    assert.deepEqual(heard, []);
  });

  it('take the end of a session for no refusal, also where it is told before the end', () => {
    exchange.begin();
    exchange.subscribe(topic, listener('a'));
    const [first = 0] = requests();
    tasks.answer(first, refuse('session-ended', 'before SUBACK'));
    assert.deepEqual(heard, []);
  });

  it('tell a refusal to whom it concerns alone', () => {
    exchange.begin();
    exchange.subscribe(topic, listener('a'));
    const [first = 0] = requests();
    tasks.answer(first, suback);
    exchange.subscribe(topic, listener('b'));
    const [second = 0] = requests();
    tasks.answer(second, refuse('subscription-refused', 'code 135'));
    assert.deepEqual(heard, ['a subscribed', 'b subscription-refused']);
  });

  it('bring a message neither to one who leaves because of it nor to one who joins because of it', () => {
    exchange.begin();
    let leaveB = (): void => undefined;
    exchange.subscribe(
      topic,
      listener('a', {
        message: () => {
          heard.push('a');
          leaveB();
          exchange.subscribe(topic, listener('c'));
        },
      }),
    );
    leaveB = exchange.subscribe(topic, listener('b'));
    deliver(1);
    assert.deepEqual(heard, ['a']);
    deliver(2);
    assert.deepEqual(heard, ['a', 'a', 'c 2']);
  });

  it('are left by a listener from within its own message', () => {
    exchange.begin();
    const leave = exchange.subscribe(topic, listener('a', { message: () => leave() }));
    sent();
    deliver(1);
    assert.deepEqual(sent(), [`unsubscribe ${topic}`]);
    deliver(2);
    assert.deepEqual(heard, []);
  });

  it('are not unsubscribed without a session, and not subscribed in the next one', () => {
    exchange.begin();
    const leave = exchange.subscribe(topic, listener('a'));
    exchange.end();
    sent();
    leave();
    exchange.begin();
    assert.deepEqual(sent(), []);
  });
});
