import assert from 'node:assert/strict';
import mqtt from 'mqtt';
import { createCronScheduler } from '../../../agent/adapters/cron-scheduler.js';
import { MqttTransport } from '../../../agent/adapters/mqtt/transport.js';
import { createTopics } from '../../../protocol/topics.js';
import { subscribeFleet } from '../../../operator/fleet/subscribe-fleet.js';
import { startBroker, type EmbeddedBroker } from '../../../simulator/demo/broker.js';

const topics = createTopics('plant/north');

/** What came to a listener: `device channel text`, and what became of the session. */
class Ears {
  readonly heard: string[] = [];
  #waiting: { readonly line: string; readonly resolve: () => void }[] = [];

  note(line: string): void {
    this.heard.push(line);
    for (const each of this.#waiting) if (each.line === line) each.resolve();
    this.#waiting = this.#waiting.filter((each) => each.line !== line);
  }

  /** Resolves when the line is noted the next time. */
  next(line: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ line, resolve }));
  }
}

function listen(url: string, deviceIds: readonly string[] | 'all'): [MqttTransport, Ears] {
  const transport = new MqttTransport({
    urls: [url],
    protocol: '3.1.1',
    clientId: 'operator',
    packetBytes: 131_072,
    spoolBytes: 1_048_576,
    scheduler: createCronScheduler(),
    // A share of 1/64 of each delay.
    entropy: { uint32: () => 2 ** 26 },
  });
  const ears = new Ears();
  subscribeFleet(transport, topics, deviceIds, createCronScheduler(), {
    message: ({ deviceId, channel }, { payload, retained }) => {
      const words = [deviceId, channel, new TextDecoder().decode(payload)];
      ears.note([...words, ...(retained ? ['retained'] : [])].join(' '));
    },
    subscribed: () => {
      ears.note('subscribed');
    },
    refused: (topic, { code }) => {
      ears.note(`refused ${topic} ${code}`);
    },
    disconnected: () => {
      ears.note('disconnected');
    },
  });
  return [transport, ears];
}

async function publish(
  url: string,
  messages: readonly (readonly [string, string])[],
): Promise<void> {
  const client = await mqtt.connectAsync(url, { protocolVersion: 4 });
  for (const [topic, text] of messages) {
    const retain = topic.endsWith('/state') || topic.endsWith('/presence');
    await client.publishAsync(topic, text, { qos: 1, retain });
  }
  await client.endAsync();
}

describe('the subscriptions of a fleet', () => {
  let broker: EmbeddedBroker;
  let transport: MqttTransport | undefined;
  beforeEach(async () => {
    broker = await startBroker(0);
  });
  afterEach(async () => {
    await transport?.close(1_000);
    await broker.close();
  });

  it('bring what is retained and what is said, of the devices that are named', async () => {
    await publish(broker.url, [
      [topics.state('a'), 'kept'],
      [topics.state('stranger'), 'kept'],
    ]);
    let ears: Ears;
    [transport, ears] = listen(broker.url, ['a', 'b']);
    await Promise.all([ears.next('subscribed'), ears.next('a state kept retained')]);
    const last = ears.next('b events said');
    await publish(broker.url, [
      [topics.report('stranger'), 'said'],
      [topics.telemetry('a'), 'said'],
      [topics.presence('a'), 'said'],
      [topics.report('a'), 'said'],
      [topics.events('b'), 'said'],
    ]);
    await last;
    assert.deepEqual(
      ears.heard.filter((line) => line !== 'subscribed'),
      ['a state kept retained', 'a presence said', 'a report said', 'b events said'],
    );
  });

  it('are made anew with each session', async () => {
    let ears: Ears;
    [transport, ears] = listen(broker.url, ['a']);
    await ears.next('subscribed');
    const port = Number(new URL(broker.url).port);
    const [gone, back] = [ears.next('disconnected'), ears.next('subscribed')];
    await broker.close();
    await gone;
    broker = await startBroker(port);
    await back;
    const said = ears.next('a report said');
    await publish(broker.url, [[topics.report('a'), 'said']]);
    await said;
    assert.deepEqual(
      ears.heard.filter((line) => line.startsWith('refused')),
      [],
    );
  });

  it('are all made, however many devices there are', async () => {
    const ids = Array.from({ length: 500 }, (_, i) => `device-${i}`);
    let ears: Ears;
    [transport, ears] = listen(broker.url, ids);
    await ears.next('subscribed');
    const said = ids.map((id) => ears.next(`${id} events said`));
    await publish(
      broker.url,
      ids.map((id) => [topics.events(id), 'said'] as const),
    );
    await Promise.all(said);
  });

  it('are one filter for all devices, whoever they are; results and telemetry are passed over', async () => {
    await publish(broker.url, [[topics.state('a'), 'kept']]);
    let ears: Ears;
    [transport, ears] = listen(broker.url, 'all');
    await ears.next('a state kept retained');
    const last = ears.next('b report said');
    await publish(broker.url, [
      [topics.telemetry('b'), 'said'],
      [topics.results('b', 'vibration'), 'said'],
      ['plant/north/devices/ä/state', 'said'],
      ['plant/south/devices/c/state', 'said'],
      [topics.report('b'), 'said'],
    ]);
    await last;
    assert.deepEqual(
      ears.heard.filter((line) => line !== 'subscribed'),
      ['a state kept retained', 'b report said'],
    );
  });
});
