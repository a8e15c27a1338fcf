import assert from 'node:assert/strict';
import type { AgentProcess } from '../helpers/agent-process.js';
import { startNats, type Nats } from '../helpers/nats.js';
import type { Onlooker } from '../helpers/onlooker.js';
import { requires } from '../helpers/requires.js';
import { Site, WindowSender } from '../helpers/site.js';

/** A broker of another make, which speaks MQTT 3.1.1 only, and retains in a log of its own. */
describe('an agent with NATS for a broker', () => {
  let site: Site<Nats>;
  let onlooker: Onlooker;
  let agent: AgentProcess;
  const sender = new WindowSender('bearing-fault', 1);
  let sending: NodeJS.Timeout;

  before(async function () {
    requires(this, 'nats');
    site = await Site.open(startNats());
    onlooker = await site.watch();
    agent = site.startAgent();
    sending = setInterval(() => {
      onlooker.publish(site.sensorTopic, sender.next()).catch(() => undefined);
    }, 50);
  });

  after(async () => {
    clearInterval(sending);
    await agent?.end();
    await onlooker?.leave();
    await site?.close();
  });

  it('installs a release that is published while it runs, and answers', async () => {
    await site.publish(site.release('vibration-v1', 1));
    await onlooker.events.find(({ event, release }) => event === 'committed' && release === 1);
    const { sequence, label } = await onlooker.results.find(() => true);
    assert.deepEqual([sequence, label], [1, 'bearing-fault']);
  });

  it('takes the next one over its trial, and the promotion', async () => {
    const second = site.release('vibration-v2', 2);
    await site.publish(second, undefined, { soakMs: 500, inferences: 5 });
    await onlooker.events.find(({ event, release }) => event === 'committed' && release === 2);
    await site.decide(second, 2);
    await onlooker.events.find(({ event, release }) => event === 'promoted' && release === 2);
  });

  it('is reported offline by the broker where it is killed, and goes on at its next start', async () => {
    await onlooker.presences.find(({ online }) => online);
    const from = onlooker.presences.length;
    await agent.end('SIGKILL');
    await onlooker.presences.find(({ online }) => !online, from);
    const results = onlooker.results.length;
    agent = site.startAgent();
    const { sequence } = await onlooker.results.find(() => true, results);
    assert.equal(sequence, 2);
  });
});
