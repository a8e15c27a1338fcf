import assert from 'node:assert/strict';
import { toHex } from '../../protocol/bytes.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { describeTransfer } from '../../operator/release/split-blocks.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { assertEveryWindowAnswered } from './answers.js';
import { settle } from './settle.js';
import { World } from './world.js';
import type { WorldDevice } from './world-device.js';

/** Bytes that somebody has signed once, or that fit in parts, in a place where they do not belong. */
describe('A device', () => {
  let world: World;
  let device: WorldDevice;
  let first: ReleaseFile;
  let second: ReleaseFile;

  beforeEach(async () => {
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
    second = await world.workshop.build('vibration-v2', 2);
    device = await settle(world, world.startDevice(), first);
  });
  afterEach(() => {
    world.end();
  });

  const manifestFileOf = ({ envelope }: ReleaseFile): string =>
    `manifests/${toHex(createNodeCrypto().sha256(envelope))}`;

  const assertServesOnly = (served: WorldDevice, ...sequences: readonly number[]): void => {
    assert.deepEqual([...new Set(served.results.map(({ sequence }) => sequence))], sequences);
  };

  it('does not serve by a stored manifest that another signed one has replaced', async () => {
    await settle(world, device, second);
    device.losePower();
    device.disk.files.set(manifestFileOf(second), first.envelope);
    world.broker.stop();
    const again = world.startDevice({ disk: device.disk });
    await world.time.advance(3_000);
    world.broker.start();
    await world.time.advance(2_000);
    assert.ok(again.story.includes('2 release-damaged image-damaged'), again.story.join('\n'));
    assert.equal(again.results[0]?.sequence, 1);
  });

  it('takes no artifact whose blocks fit and whose digest does not, also one that it never reads again', async () => {
    const whole = world.inManyBlocks(second);
    const at = whole.manifest.artifacts.findIndex(({ role }) => role === 'reference');
    const [artifact, bytes] = [whole.manifest.artifacts[at], whole.artifacts[at]];
    assert.ok(artifact && bytes);
    const others = bytes.map((byte) => byte ^ 1);
    const { blockHashes } = describeTransfer(others, 4096, createNodeCrypto());
    const transfers = artifact.transfers.map((transfer) => ({ ...transfer, blockHashes }));
    const artifacts = whole.manifest.artifacts.with(at, { ...artifact, transfers });
    const wrong = world.withManifest(whole, { artifacts });
    await world.publish({ ...wrong, artifacts: whole.artifacts.with(at, others) });
    await world.time.advance(10_000);
    assert.equal(device.story.at(-1), '2 rejected image-digest-mismatch');
    assert.equal(device.record?.current?.sequence, 1);
    assert.ok(!device.disk.files.has(`images/${toHex(artifact.digest)}`));
    assertServesOnly(device, 1);
    assertEveryWindowAnswered(device);
  });

  it('takes no other manifest than the one that the policy names, whoever has signed it', async () => {
    const other = world.withManifest(first, { sequence: 2 });
    await world.publishContent(second);
    await world.publishContent(other);
    await world.publishPolicy(second);
    await world.time.advance(10_000);
    const told = device.events.filter(({ release }) => release === 2).map(({ code }) => code);
    assert.ok(told.includes('manifest-digest-mismatch'), told.join());
    assert.equal(device.record?.current?.sequence, 1);
    assertServesOnly(device, 1);
    assertEveryWindowAnswered(device);
  });

  it('goes back to no older security epoch once a newer one was promoted, and to it until then', async () => {
    const newer = world.withManifest(second, { epoch: 3 });
    await settle(world, device, newer);
    assert.equal(device.record?.epochFloor, 0);
    await world.publishPolicy(first);
    await world.time.advance(3_000);
    assert.equal(device.record.current?.sequence, 1);
    await world.publishPolicy(newer);
    await world.time.advance(3_000);
    await world.publishPolicy(newer, { promoted: 2 });
    await world.time.advance(3_000);
    assert.equal(device.record.epochFloor, 3);
    await world.publish(world.withManifest(first, { sequence: 4, epoch: 2 }));
    await world.time.advance(5_000);
    assert.equal(device.story.at(-1), '4 rejected epoch-below-floor');
    await world.publish(world.withManifest(first, { sequence: 5, epoch: 3 }));
    await world.time.advance(5_000);
    assert.equal(device.record.current?.sequence, 5);
    assertEveryWindowAnswered(device);
  });

  for (const [other, what] of [
    ['state/a', 'damaged'],
    ['state/b', 'damaged'],
    ['state/a', 'absent'],
    ['state/b', 'older'],
  ] as const) {
    it(`mends ${other} where it is ${what}, before it writes over the copy that is whole`, async () => {
      const older = device.disk.files.get(other);
      await settle(world, device, second);
      device.losePower();
      const { files } = device.disk;
      const newest = files.get(other);
      if (what === 'absent') files.delete(other);
      else files.set(other, what === 'older' && older ? older : new Uint8Array(50).fill(7));
      // The power fails at the first operation after the mending that changes the record.
      let writes = 0;
      const again = world.createDevice({
        disk: device.disk,
        beforeOperation: (_, operation) => {
          if (operation.startsWith('write state/')) writes++;
          return writes < 2 ? 'go' : 'stop';
        },
      });
      again.start();
      await world.time.advance(1_000);
      assert.deepEqual(files.get('state/a'), newest);
      assert.deepEqual(files.get('state/b'), newest);
    });
  }
});
