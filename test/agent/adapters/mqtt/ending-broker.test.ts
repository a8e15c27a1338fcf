import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { Aedes } from 'aedes';
import type { MqttTransport } from '../../../../agent/adapters/mqtt/transport.js';
import type { Result } from '../../../../protocol/result.js';
import { codeOf, connect, publish, subscribe, text } from '../../../contract/transport.contract.js';
import { createTransport } from './broker-world.js';

/** A broker that ends the session over topics that it does not allow, as some in the cloud do. */
class EndingBroker {
  readonly forbidden = new Set<string>();
  readonly received: string[] = [];
  readonly #aedes: Aedes;
  readonly #server: net.Server;
  ended = 0;

  private constructor(aedes: Aedes) {
    this.#aedes = aedes;
    this.#server = net.createServer(aedes.handle);
    aedes.authorizePublish = (_client, { topic }, done) => {
      if (this.#refuses(topic)) done(new Error('denied'));
      else {
        this.received.push(topic);
        done(null);
      }
    };
    aedes.authorizeSubscribe = (_client, subscription, done) => {
      if (this.#refuses(subscription.topic)) done(new Error('denied'));
      else done(null, subscription);
    };
  }

  static async start(): Promise<EndingBroker> {
    const broker = new EndingBroker(await Aedes.createBroker());
    broker.#server.listen(0, '127.0.0.1');
    await once(broker.#server, 'listening');
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#aedes.close(resolve);
    });
    this.#server.close();
  }

  #refuses(topic: string): boolean {
    const refuses = this.forbidden.has(topic);
    if (refuses) this.ended++;
    return refuses;
  }
}

describe('a transport before a broker that ends sessions over a topic', () => {
  let broker: EndingBroker;
  let transport: MqttTransport;
  beforeEach(async () => {
    broker = await EndingBroker.start();
    transport = createTransport(broker.url, { protocol: '3.1.1' });
  });
  afterEach(async () => {
    await transport.close(0);
    await broker.close();
  });

  it('names a message that is not allowed after three sessions, and the others arrive', async () => {
    broker.forbidden.add('results');
    await connect(transport);
    const results = await Promise.all(
      ['state', 'results', 'events', 'telemetry'].map((topic) =>
        publish(transport, text(topic, 'x')),
      ),
    );
    assert.deepEqual(results.map(codeOf), ['ok', 'publish-refused', 'ok', 'ok']);
    assert.equal(broker.ended, 3);
    // More of the same topic waits, and ends no session.
    transport.publish(text('results', 'y'));
    assert.equal(codeOf(await publish(transport, text('events', 'y'))), 'ok');
    assert.equal(broker.ended, 3);
    assert.deepEqual(transport.spool.dropped, { other: 1 });
  });

  it('names each of several topics, messages and subscriptions, and does the rest', async () => {
    for (const topic of ['results', 'state', 'commands', 'sensors']) broker.forbidden.add(topic);
    const outcomes = new Map<string, string>();
    const ask = (topic: string): void => {
      transport.subscribe(
        topic,
        () => undefined,
        (result: Result<void>) => {
          if (codeOf(result) !== 'session-ended') outcomes.set(`hear ${topic}`, codeOf(result));
        },
      );
    };
    for (const topic of ['state', 'events', 'results', 'telemetry']) {
      transport.publish(text(topic, 'x'), (result) => outcomes.set(`say ${topic}`, codeOf(result)));
    }
    // Sessions are clean: whoever listens subscribes anew in each.
    const all = new Promise<void>((resolve) => {
      transport.open({
        connected: () => {
          for (const topic of ['policies', 'commands', 'sensors', 'beacon']) ask(topic);
          const look = setInterval(() => {
            if (outcomes.size < 8) return;
            clearInterval(look);
            resolve();
          }, 20);
        },
        disconnected: () => undefined,
      });
    });
    await all;
    assert.deepEqual(Object.fromEntries(outcomes), {
      'hear policies': 'ok',
      'hear commands': 'subscription-refused',
      'hear sensors': 'subscription-refused',
      'hear beacon': 'ok',
      'say state': 'publish-refused',
      'say events': 'ok',
      'say results': 'publish-refused',
      'say telemetry': 'ok',
    });
    assert.ok(broker.ended <= 9, String(broker.ended));
  });

  it('delivers to subscriptions all the while', async () => {
    broker.forbidden.add('results');
    const { connected } = await connect(transport);
    const refused = publish(transport, text('results', 'x'));
    for (let session = 2; session <= 4; session++) await connected.next();
    assert.equal(codeOf(await refused), 'publish-refused');
    const news = await subscribe(transport, 'news');
    await publish(transport, text('news', 'here'));
    assert.equal(new TextDecoder().decode((await news.next()).payload), 'here');
  });
});
