import assert from 'node:assert/strict';
import type { Message } from '../../agent/ports/transport.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { assertEveryWindowAnswered } from './answers.js';
import { settle } from './settle.js';
import { slot } from './world-slot.js';
import { World } from './world.js';

const yearMs = 365.25 * 86_400_000;
const dayMs = 86_400_000;

/** A wall clock that is wrong, and put right while the device runs. */
describe('A device whose clock is wrong', () => {
  let world: World;
  let first: ReleaseFile;
  let second: ReleaseFile;
  beforeEach(async () => {
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
    second = await world.workshop.build('vibration-v2', 2);
  });
  afterEach(() => {
    world.end();
  });

  /** What is published while the clock is right; then it is wrong, for the operator and for the device. */
  const publishThenJump = async (release: ReleaseFile, byMs: number): Promise<void> => {
    await world.publish(release);
    world.time.jumpWall(byMs);
  };

  for (const [when, byMs] of [
    ['56 years back', -56 * yearMs],
    ['20 years ahead', 20 * yearMs],
  ] as const) {
    it(`at its start, ${when}, installs without a restart once it is right`, async () => {
      await publishThenJump(first, byMs);
      const device = world.startDevice();
      await world.time.advance(30_000);
      world.time.jumpWall(-byMs);
      await world.time.advance(20_000);
      assert.equal(device.state.current, 1, device.story.join('\n'));
      assertEveryWindowAnswered(device);
    });

    it(`while it runs, ${when}, serves on and installs what came meanwhile`, async () => {
      const device = await settle(world, world.startDevice(), first);
      await publishThenJump(second, byMs);
      await world.time.advance(60_000);
      world.time.jumpWall(-byMs);
      await world.time.advance(20_000);
      assert.equal(device.state.current, 2, device.story.join('\n'));
      assertEveryWindowAnswered(device);
    });
  }

  it('installs nothing and says why as long as the keyset has expired by its clock', async () => {
    await publishThenJump(first, 20 * yearMs);
    const device = world.startDevice();
    await world.time.advance(30_000);
    assert.equal(device.state.current, undefined);
    assert.ok(device.story.includes('document-refused keyset-expired'));
  });

  it('takes a document that it refused while its clock was ahead', async () => {
    const documents = (): Message[] =>
      [world.topics.policy(slot), world.topics.beacon()].map((topic) => {
        const last = world.messages.findLast((message) => message.topic === topic);
        assert.ok(last);
        return { ...last, retained: true };
      });
    const publishAll = (messages: readonly Message[]): void => {
      for (const message of messages) world.broker.publish(message);
    };
    await world.publish(first);
    const early = documents();
    await world.publish(second);
    const late = documents();
    publishAll(early);
    const device = world.startDevice();
    await world.time.advance(5_000);
    world.time.jumpWall(20 * yearMs);
    publishAll(late);
    await world.time.advance(60_000);
    assert.equal(device.state.current, 1, device.story.join('\n'));
    assert.ok(device.story.includes('document-refused keyset-expired'));
    world.time.jumpWall(-20 * yearMs);
    await world.time.advance(20_000);
    assert.equal(device.state.current, 2, device.story.join('\n'));
  });

  it('tries a release that is not yet valid at once when the clock is set to its time', async () => {
    const later = world.withManifest(second, {
      notBefore: Math.round((world.time.wallMs() + dayMs) / 1000),
    });
    const device = await settle(world, world.startDevice(), first);
    await world.publish(later);
    // Long enough for the pause between two attempts to be a quarter of an hour.
    await world.time.advance(30 * 60_000);
    assert.ok(device.story.includes('2 fetching release-not-yet-valid'));
    world.time.jumpWall(2 * dayMs);
    await world.time.advance(15_000);
    assert.equal(device.state.current, 2, device.story.join('\n'));
  });

  it('takes a release that had expired by its clock when the clock is set back', async () => {
    const brief = world.withManifest(second, {
      notAfter: Math.round((world.time.wallMs() + dayMs) / 1000),
    });
    const before = await settle(world, world.startDevice(), first);
    before.losePower();
    await publishThenJump(brief, 2 * dayMs);
    const device = world.startDevice({ disk: before.disk });
    await world.time.advance(5_000);
    assert.ok(device.story.includes('2 rejected release-expired'), device.story.join('\n'));
    world.time.jumpWall(-2 * dayMs);
    await world.time.advance(15_000);
    assert.equal(device.state.current, 2, device.story.join('\n'));
  });
});
