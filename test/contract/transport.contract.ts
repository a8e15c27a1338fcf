import assert from 'node:assert/strict';
import type { Rejection, Result } from '../../protocol/result.js';
import type {
  Message,
  SkippedMessage,
  SubscribeOptions,
  Transport,
} from '../../agent/ports/transport.js';
import { Mailbox } from '../helpers/mailbox.js';

/** A broker, the network before it, and transports that are to keep the promises of the port. */
export interface TransportWorld {
  /** The version that both sides agree on. */
  readonly protocol: 4 | 5;
  /** Whether the broker tells clients with the same id from others. */
  readonly knowsClients: boolean;
  /** A transport that is not open yet. */
  create(clientId: string, spoolBytes?: number): Transport;
  /** Breaks the connections of all transports, without a word to either side. */
  cut(): void;
  stopBroker(): Promise<void>;
  startBroker(): Promise<void>;
  /** Another client of the same broker; the world ends it. */
  connectOther(): Promise<OtherClient>;
  close(): Promise<void>;
}

/** A client that has nothing to do with the transport that is tested. */
export interface OtherClient {
  /** Fulfils when the broker has acknowledged it. */
  publish(topic: string, text: string, retained?: boolean): Promise<void>;
  /** Fulfils when the broker has acknowledged the subscription. */
  observe(topic: string): Promise<Mailbox<Message>>;
}

/** The promises of `agent/ports/transport.ts`, for any implementation. */
export function describeTransport(name: string, createWorld: () => Promise<TransportWorld>): void {
  describe(`a transport (${name})`, function () {
    this.timeout(300_000);
    let world: TransportWorld;
    let other: OtherClient;
    const open: Transport[] = [];

    before(async () => {
      world = await createWorld();
    });
    beforeEach(async () => {
      other = await world.connectOther();
    });
    afterEach(async () => {
      await Promise.all(open.splice(0).map((transport) => transport.close(0)));
    });
    after(() => world?.close());

    const create = (clientId: string, spoolBytes?: number): Transport => {
      const transport = world.create(clientId, spoolBytes);
      open.push(transport);
      return transport;
    };

    it('publishes with acknowledgement, whatever the bytes', async () => {
      const transport = create('publisher');
      const seen = await other.observe('contract/bytes');
      await connect(transport);
      for (const payload of [
        new Uint8Array(),
        Uint8Array.of(0, 255, 10),
        new Uint8Array(100_000),
      ]) {
        const message = { topic: 'contract/bytes', payload, retained: false };
        assert.deepEqual(await publish(transport, message), { ok: true, value: undefined });
        assert.deepEqual(new Uint8Array((await seen.next()).payload), payload);
      }
      assert.equal(transport.spool.waitingBytes, 0);
    });

    it('says which version is spoken and counts its sessions from 1', async () => {
      const events = await connect(create('counter'));
      assert.deepEqual(events.first, { protocol: world.protocol, connection: 1 });
      world.cut();
      await events.disconnected.next();
      assert.deepEqual(await events.connected.next(), {
        protocol: world.protocol,
        connection: 2,
      });
    });

    it('retains what is to be retained, and nothing else', async () => {
      const transport = create('retainer');
      await connect(transport);
      await publish(transport, text('contract/kept', 'kept', true));
      await publish(transport, text('contract/gone', 'gone'));
      const kept = await (await other.observe('contract/kept')).next();
      assert.deepEqual([textOf(kept), kept.retained], ['kept', true]);
      const gone = await other.observe('contract/gone');
      await other.publish('contract/gone', 'end');
      assert.equal(textOf(await gone.next()), 'end');
    });

    it('delivers the retained message after SUBACK and then what comes, in order', async () => {
      await other.publish('contract/news', 'retained', true);
      const transport = create('subscriber');
      await connect(transport);
      const news = await subscribe(transport, 'contract/news');
      for (const each of ['one', 'two', 'three']) await other.publish('contract/news', each);
      const seen = [await news.next(), await news.next(), await news.next(), await news.next()];
      assert.deepEqual(seen.map(textOf), ['retained', 'one', 'two', 'three']);
      assert.deepEqual(
        seen.map(({ retained }) => retained),
        [true, false, false, false],
      );
    });

    it('delivers each topic to its own subscription, and none after unsubscribe', async () => {
      const transport = create('chooser');
      await connect(transport);
      const a = await subscribe(transport, 'contract/a');
      const b = await subscribe(transport, 'contract/b');
      await other.publish('contract/a', 'for a');
      assert.equal(textOf(await a.next()), 'for a');
      a.leave();
      a.leave();
      await other.publish('contract/a', 'too late');
      await other.publish('contract/b', 'for b');
      assert.equal(textOf(await b.next()), 'for b');
      assert.deepEqual([a.unread.length, b.unread.length], [0, 0]);
    });

    it('delivers each message to all listeners of a topic, and goes on when one leaves', async () => {
      const transport = create('sharer');
      await connect(transport);
      const a = await subscribe(transport, 'contract/shared');
      const b = await subscribe(transport, 'contract/shared');
      const elsewhere = await subscribe(transport, 'contract/elsewhere');
      await other.publish('contract/shared', 'for both');
      assert.deepEqual([textOf(await a.next()), textOf(await b.next())], ['for both', 'for both']);
      a.leave();
      a.leave();
      await other.publish('contract/shared', 'for one');
      assert.equal(textOf(await b.next()), 'for one');
      b.leave();
      await other.publish('contract/shared', 'for nobody');
      await other.publish('contract/elsewhere', 'end');
      assert.equal(textOf(await elsewhere.next()), 'end');
      assert.deepEqual([a.unread.length, b.unread.length], [0, 0]);
    });

    it('gives who joins a topic what is retained there', async () => {
      await other.publish('contract/joined', 'retained', true);
      const transport = create('joiner');
      await connect(transport);
      const first = await subscribe(transport, 'contract/joined');
      assert.equal(textOf(await first.next()), 'retained');
      const second = await subscribe(transport, 'contract/joined');
      assert.equal(textOf(await second.next()), 'retained');
      await other.publish('contract/joined', 'live');
      assert.equal(textOf(await first.nextThat((each) => textOf(each) !== 'retained')), 'live');
      assert.equal(textOf(await second.nextThat((each) => textOf(each) !== 'retained')), 'live');
    });

    it('hears a topic that was left and is listened to again at once', async () => {
      await other.publish('contract/back', 'retained', true);
      const transport = create('comeback');
      await connect(transport);
      const first = await subscribe(transport, 'contract/back');
      first.leave();
      transport.subscribe(
        'contract/back',
        () => undefined,
        () => undefined,
      )();
      const second = await subscribe(transport, 'contract/back');
      assert.equal(textOf(await second.next()), 'retained');
      await other.publish('contract/back', 'live');
      assert.equal(textOf(await second.nextThat((each) => textOf(each) !== 'retained')), 'live');
    });

    it('hands no message on to who leaves because of it, or joins because of it', async () => {
      const transport = create('jumper');
      await connect(transport);
      const end = await subscribe(transport, 'contract/end');
      const heard: string[] = [];
      let leaveLater = (): void => undefined;
      transport.subscribe(
        'contract/jump',
        (message) => {
          heard.push(`first ${textOf(message)}`);
          leaveLater();
          transport.subscribe(
            'contract/jump',
            () => heard.push(`joined ${textOf(message)}`),
            () => undefined,
          );
        },
        () => undefined,
      );
      const later = await subscribe(transport, 'contract/jump');
      leaveLater = later.leave;
      await other.publish('contract/jump', 'message');
      await other.publish('contract/end', 'end');
      await end.next();
      assert.deepEqual(heard, ['first message']);
      assert.equal(later.unread.length, 0);
    });

    it('counts what comes in', async () => {
      const transport = create('counting');
      await connect(transport);
      const heard = await subscribe(transport, 'contract/counted');
      const before = transport.traffic.receivedBytes;
      await other.publish('contract/counted', 'x'.repeat(1_000));
      await heard.next();
      assert.ok(transport.traffic.receivedBytes - before >= 1_000);
      const since = transport.traffic.receivedBytes;
      await transport.close(1_000);
      assert.ok(transport.traffic.receivedBytes >= since);
    });

    it('skips a message that is larger than is read on its topic, tells it, and goes on', async () => {
      const transport = create('sieve');
      const events = await connect(transport);
      const small = await subscribe(transport, 'contract/documents');
      const large = await subscribe(transport, 'contract/samples', { maxBytes: 300_000 });
      const tiny = await subscribe(transport, 'contract/tiny', { maxBytes: 10 });
      // More than a broker leaves unacknowledged: who skips must acknowledge.
      for (let i = 0; i < 30; i++) await other.publish('contract/documents', 'x'.repeat(131_072));
      await other.publish('contract/documents', 'after');
      await other.publish('contract/samples', 'y'.repeat(300_000));
      await other.publish('contract/samples', 'y'.repeat(300_001));
      await other.publish('contract/samples', 'after');
      await other.publish('contract/tiny', '0123456789');
      await other.publish('contract/tiny', '0123456789a');
      assert.equal((await small.next()).payload.length, 'after'.length);
      assert.equal((await large.next()).payload.length, 300_000);
      assert.equal(textOf(await large.next()), 'after');
      assert.equal(textOf(await tiny.next()), '0123456789');
      for (let i = 0; i < 30; i++) {
        const { topic, bytes } = await events.skipped.next();
        assert.deepEqual([topic, bytes], ['contract/documents', 131_072]);
      }
      assert.deepEqual(await events.skipped.next(), {
        topic: 'contract/samples',
        bytes: 300_001,
        limitBytes: 300_000,
      });
      assert.deepEqual(await events.skipped.next(), {
        topic: 'contract/tiny',
        bytes: 11,
        limitBytes: 10,
      });
      assert.deepEqual(events.disconnected.unread, []);
    });

    it('skips a retained message that is too large, in each session', async () => {
      await other.publish('contract/heavy', 'x'.repeat(200_000), true);
      const transport = create('carrier');
      const events = await connect(transport);
      const messages = await subscribe(transport, 'contract/heavy');
      await events.skipped.next();
      await other.publish('contract/heavy', 'light');
      assert.equal(textOf(await messages.next()), 'light');
      await other.publish('contract/heavy', '', true);
    });

    it('lets the broker publish the will of this session when the connection breaks', async () => {
      const wills = await other.observe('contract/will');
      const events = await connect(create('mortal'), (connection) =>
        text('contract/will', `will ${connection}`),
      );
      world.cut();
      assert.equal(textOf(await wills.next()), 'will 1');
      await events.connected.next();
      world.cut();
      assert.equal(textOf(await wills.next()), 'will 2');
    });

    it('says goodbye when it is closed, so that there is no will', async () => {
      const wills = await other.observe('contract/unwilled');
      const transport = create('polite');
      await connect(transport, () => text('contract/unwilled', 'will'));
      await transport.close(1_000);
      await other.publish('contract/unwilled', 'end');
      assert.equal(textOf(await wills.next()), 'end');
    });

    it('comes back after a break in a new session, without the subscriptions of the old one', async () => {
      const transport = create('returner');
      const events = await connect(transport);
      const before = await subscribe(transport, 'contract/before');
      world.cut();
      assert.equal((await events.disconnected.next()).code, 'session-ended');
      await events.connected.next();
      const after = await subscribe(transport, 'contract/after');
      await other.publish('contract/before', 'to nobody');
      await other.publish('contract/after', 'to the new session');
      assert.equal(textOf(await after.next()), 'to the new session');
      assert.equal(before.unread.length, 0);
    });

    it('takes no subscription while there is no session', async () => {
      const results = new Mailbox<Result<void>>();
      create('early').subscribe('contract/early', () => undefined, results.put);
      assert.equal(codeOf(await results.next()), 'session-ended');
    });

    it('keeps what is published before there is a session, and sends it in order', async () => {
      const transport = create('prepared');
      const numbers = Array.from({ length: 40 }, (_, i) => String(i));
      const acknowledged = numbers.map((each) => publish(transport, text('contract/order', each)));
      const seen = await other.observe('contract/order');
      await connect(transport);
      for (const each of numbers) assert.equal(textOf(await seen.next()), each);
      for (const each of acknowledged) assert.ok((await each).ok);
    });

    it('keeps what is published while the broker is away', async () => {
      const transport = create('patient');
      const events = await connect(transport);
      await world.stopBroker();
      await events.disconnected.next();
      const acknowledged = Array.from({ length: 40 }, (_, i) =>
        publish(transport, text('contract/queue', String(i))),
      );
      assert.ok(transport.spool.waitingBytes > 0);
      await world.startBroker();
      await events.connected.next();
      for (const each of acknowledged) assert.ok((await each).ok);
      assert.equal(transport.spool.waitingBytes, 0);
      assert.deepEqual(transport.spool.dropped, {});
    });

    it('sends again what a broken session did not acknowledge: at least once, in order', async () => {
      const transport = create('stubborn');
      const seen = await other.observe('contract/again');
      const events = await connect(transport);
      const acknowledged = Array.from({ length: 60 }, (_, i) =>
        publish(transport, text('contract/again', String(i))),
      );
      world.cut();
      await events.connected.next();
      for (const each of acknowledged) assert.ok((await each).ok);
      const firsts = new Set<string>();
      while (firsts.size < 60) firsts.add(textOf(await seen.next()));
      assert.deepEqual(
        [...firsts],
        Array.from({ length: 60 }, (_, i) => String(i)),
      );
    });

    it('drops the oldest where too much waits, refuses and counts it', async () => {
      const transport = create('crowded', 2_000);
      const results = Array.from({ length: 30 }, (_, i) =>
        publish(transport, text('contract/crowd', `${i}`.padEnd(100))),
      );
      const { waitingBytes, dropped } = transport.spool;
      const droppedMessages = dropped.other ?? 0;
      assert.ok(waitingBytes > 0 && waitingBytes <= 2_000);
      assert.ok(droppedMessages > 0 && droppedMessages < 30);
      const seen = await other.observe('contract/crowd');
      await connect(transport);
      const codes = (await Promise.all(results)).map(codeOf);
      assert.deepEqual(
        codes,
        codes.map((_, i) => (i < droppedMessages ? 'spool-full' : 'ok')),
      );
      assert.equal(textOf(await seen.next()).trim(), String(droppedMessages));
    });

    it('keeps of a retained topic only the last that waits', async () => {
      const transport = create('replacer', 1_000);
      const results = Array.from({ length: 100 }, (_, i) =>
        publish(transport, text('contract/latest', String(i), true)),
      );
      assert.deepEqual(transport.spool.dropped, {});
      const seen = await other.observe('contract/latest');
      await connect(transport);
      assert.equal(textOf(await seen.next()), '99');
      assert.ok((await Promise.all(results)).every(({ ok }) => ok));
    });

    it('waits with its goodbye until all is acknowledged', async () => {
      const transport = create('thorough');
      await connect(transport);
      const results: Result<void>[] = [];
      for (let i = 0; i < 100; i++) {
        transport.publish(text('contract/last', String(i)), (result) => results.push(result));
      }
      await transport.close(10_000);
      assert.equal(results.length, 100);
      assert.ok(results.every(({ ok }) => ok));
    });

    it('refuses, when it is closed, what never found a session, and all that comes later', async () => {
      const transport = create('unheard');
      const waiting = publish(transport, text('contract/unheard', 'before'));
      await transport.close(1_000);
      assert.equal(codeOf(await waiting), 'session-ended');
      const later = publish(transport, text('contract/unheard', 'after'));
      assert.equal(codeOf(await later), 'session-ended');
    });

    it('goes on trying while the broker is away, and tells each time', async () => {
      await world.stopBroker();
      const transport = create('hopeful');
      const events = listen(transport);
      for (let attempt = 0; attempt < 3; attempt++) {
        assert.equal((await events.disconnected.next()).code, 'broker-unreachable');
      }
      await world.startBroker();
      assert.deepEqual(await events.connected.next(), { protocol: world.protocol, connection: 1 });
    });

    it('is thrown out by another with the same id, and learns it', async function () {
      if (!world.knowsClients) this.skip();
      const transport = create('twin');
      const events = await connect(transport);
      await connect(create('twin'));
      const { code } = await events.disconnected.next();
      await transport.close(0);
      // MQTT 5 has a word for it, which not every broker says.
      const codes = ['session-ended', ...(world.protocol === 5 ? ['session-taken-over'] : [])];
      assert.ok(codes.includes(code), code);
    });
  });
}

/** What a transport tells its listener. */
export interface SessionEvents {
  readonly connected: Mailbox<{ readonly protocol: 4 | 5; readonly connection: number }>;
  readonly disconnected: Mailbox<Rejection>;
  readonly skipped: Mailbox<SkippedMessage>;
}

/** Opens a transport. */
export function listen(
  transport: Transport,
  will?: (connection: number) => Message,
): SessionEvents {
  const events: SessionEvents = {
    connected: new Mailbox(),
    disconnected: new Mailbox(),
    skipped: new Mailbox(),
  };
  transport.open(
    {
      connected: ({ protocol, connection }) => {
        events.connected.put({ protocol, connection });
      },
      disconnected: events.disconnected.put,
      skipped: events.skipped.put,
    },
    will,
  );
  return events;
}

/** Opens a transport and awaits its first session. */
export async function connect(
  transport: Transport,
  will?: (connection: number) => Message,
): Promise<SessionEvents & { readonly first: { protocol: 4 | 5; connection: number } }> {
  const events = listen(transport, will);
  return { ...events, first: await events.connected.next() };
}

/** Publishes and awaits the acknowledgement or the refusal. */
export function publish(transport: Transport, message: Message): Promise<Result<void>> {
  return new Promise((resolve) => {
    transport.publish(message, resolve);
  });
}

/** Subscribes and awaits SUBACK, which must be good. */
export async function subscribe(
  transport: Transport,
  topic: string,
  options?: SubscribeOptions,
): Promise<Subscription> {
  const messages = new Mailbox<Message>();
  let leave = (): void => undefined;
  const result = await new Promise<Result<void>>((resolve) => {
    leave = transport.subscribe(topic, messages.put, resolve, options);
  });
  assert.equal(codeOf(result), 'ok');
  return Object.assign(messages, { leave });
}

/** What a subscription hears, until it is left. */
export type Subscription = Mailbox<Message> & { readonly leave: () => void };

/** The code of a refusal, or `ok`. */
export function codeOf(result: Result<unknown>): string {
  return result.ok ? 'ok' : result.rejection.code;
}

/** A message with a text. */
export function text(topic: string, content: string, retained = false): Message {
  return { topic, payload: new TextEncoder().encode(content), retained };
}

function textOf({ payload }: Message): string {
  return new TextDecoder().decode(payload);
}
