import assert from 'node:assert/strict';
import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import { expectOk } from '../../../protocol/coded-error.js';
import { openSign1 } from '../../../protocol/cose/sign1.js';
import { parseBeacon, type Beacon } from '../../../protocol/documents/beacon.js';
import { parsePolicy, type Policy } from '../../../protocol/documents/policy.js';
import { connectBroker } from '../../../operator/publish/broker-client.js';
import { slot } from '../../simulation/world-slot.js';
import { World } from '../../simulation/world.js';

describe('Publishing a release', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => {
    world.end();
  });

  const retained = (topic: string): Uint8Array => {
    const payload = world.broker.retained.get(topic);
    assert.ok(payload, `nothing is retained on ${topic}`);
    return payload;
  };
  const policy = (): Policy =>
    expectOk(
      parsePolicy(expectOk(openSign1(retained(world.topics.policy(slot)), 'policy')).payload),
    );
  const beacon = (): Beacon =>
    expectOk(parseBeacon(expectOk(openSign1(retained(world.topics.beacon()), 'beacon')).payload));

  it('puts everything there before the document that names it', async () => {
    await world.publish(world.inManyBlocks(await world.workshop.build('vibration-v1', 1)));
    const folders = world.messages.map(({ topic }) => topic.split('/')[1]);
    const order = folders.filter((folder, i) => folder !== folders[i - 1]);
    assert.deepEqual(order, ['keyset', 'blocks', 'manifests', 'policies', 'beacon']);
    assert.ok(world.messages.every((message) => message.retained));
  });

  it('names the release for everyone, by its number and the digest of what was signed', async () => {
    const release = await world.release('vibration-v1', 7);
    const reference = { sequence: 7, manifest: createNodeCrypto().sha256(release.envelope) };
    assert.deepEqual(policy().champion, reference);
    assert.deepEqual(
      policy().arms.map(({ exposure, release: named }) => [exposure, named]),
      [[10_000, reference]],
    );
    const current = beacon().slots.get(slot);
    assert.deepEqual(current?.releases, [reference]);
    assert.deepEqual(
      current.policy,
      createNodeCrypto().sha256(retained(world.topics.policy(slot))),
    );
  });

  it('raises the numbers of policy and beacon each time', async () => {
    for (let i = 1; i <= 3; i++) {
      const publication = await world
        .release('vibration-v1', i)
        .then(() => [policy().version, beacon().counter]);
      assert.deepEqual(publication, [i, i]);
    }
  });

  it('does not let a stranger on the broker decide its numbers', async () => {
    await world.release('vibration-v1', 1);
    const topic = world.topics.beacon();
    for (const payload of [Uint8Array.of(1, 2, 3), retained(topic).with(-1, 0)]) {
      world.broker.retained.set(topic, payload);
      await world.release('vibration-v1', 2);
    }
    assert.equal(beacon().counter, 3);
  });

  it('keeps the other slots in the beacon', async () => {
    await world.release('vibration-v1', 1);
    const release = await world.workshop.build('vibration-v2', 1);
    await world.publish(world.withManifest(release, { slot: 'vision' }));
    assert.deepEqual([...beacon().slots.keys()].sort(), [slot, 'vision']);
  });

  it('ends with a code where there is no broker', async () => {
    world.broker.stop();
    const scheduler = world.time.createScheduler();
    const transport = world.broker.createTransport({ scheduler, spoolBytes: 1e6 });
    await assert.rejects(world.carryThrough(connectBroker(transport, scheduler)), {
      code: 'broker-unreachable',
    });
  });

  it('ends with a code where the broker goes away in the middle', async () => {
    const publishing = world.workshop
      .build('vibration-v1', 1)
      .then((release) => world.publish(release));
    const failed = assert.rejects(publishing, { code: 'broker-unreachable' });
    world.onMessage = ({ topic }) => {
      if (topic.includes('/blocks/')) world.broker.stop();
    };
    await failed;
    assert.ok(!world.broker.retained.has(world.topics.policy(slot)));
  });
});
