import assert from 'node:assert/strict';
import type { SourceSettings } from '../../agent/core/settings.js';
import type { Pipeline } from '../../protocol/documents/pipeline.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { assertEveryWindowAnswered } from './answers.js';
import { settle } from './settle.js';
import { World } from './world.js';

/** A picture of 256 pixels in colour has as many values as a window of the demo's models. */
const pictures: SourceSettings = { topic: 'camera', content: { kind: 'picture' } };

describe('A release that its source cannot feed', () => {
  let world: World;
  let first: ReleaseFile;

  beforeEach(async () => {
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
  });
  afterEach(() => {
    world.end();
  });

  /** A release whose model takes as many values in another shape. */
  const reshaped = async (sequence: number, window: Pipeline['window']): Promise<ReleaseFile> => {
    const built = await world.workshop.buildUnseen('vibration-v2', sequence);
    return world.withManifest(built, { pipeline: { ...built.manifest.pipeline, window } });
  };
  const picture = { frames: 256, stride: 256, channels: 3 };
  const grey = { frames: 768, stride: 768, channels: 1, sampleRateHz: undefined };

  for (const shadow of [false, true]) {
    it(`is refused before its first byte, ${shadow ? 'to be compared' : 'to serve'}, and the champion goes on`, async () => {
      const device = await settle(world, world.startDevice({ source: pictures }), first);
      const second = await reshaped(2, grey);
      if (shadow) {
        await world.publishContent(second);
        await world.publishPolicy(first, {
          arms: [{ release: second, shadow: { windows: 5, budgetPermille: 1000 } }],
        });
      } else await world.publish(second);
      await world.time.advance(10_000);
      assert.deepEqual(
        device.story.filter((line) => line.startsWith('2 ')),
        ['2 offered', '2 admitted', '2 rejected source-mismatch'],
      );
      assert.equal(device.record?.current?.sequence, 1);
      await world.time.advance(60_000);
      assertEveryWindowAnswered(device);
    });
  }

  const resize = { width: 16, height: 16 };
  it('is not compared with a champion whose pictures are not resized like its own, which goes on', async () => {
    const window = { ...picture, resize: { ...resize, fit: 'crop' } } as const;
    const device = await settle(world, world.startDevice({ source: pictures }), first);
    const second = await reshaped(2, { ...window, sampleRateHz: undefined });
    await world.publishContent(second);
    await world.publishPolicy(first, {
      arms: [{ release: second, shadow: { windows: 5, budgetPermille: 1000 } }],
    });
    await world.time.advance(10_000);
    assert.deepEqual(
      device.story.filter((line) => line.startsWith('2 ')),
      ['2 offered', '2 admitted', '2 rejected comparison-impossible'],
    );
    assert.deepEqual(device.record?.rejected, []);
    await world.time.advance(60_000);
    assertEveryWindowAnswered(device);
  });

  it('is given up with the first sample where nothing was there to show it before', async () => {
    // Pictures of twice as many pixels.
    const device = world.startDevice({
      source: pictures,
      burst: { windows: 2, everyMs: 1_000 },
    });
    await world.publish(first);
    await world.time.advance(10_000);
    assert.equal(device.story.at(-1), '1 rolled-back source-mismatch');
    assert.deepEqual(device.results, []);
    assert.equal(device.record?.current, undefined);
    // It was not its fault: with a source that fits it may come again.
    assert.deepEqual(device.record?.rejected, []);
  });

  it('is refused by the fields of its source, before any sample', async () => {
    const source: SourceSettings = { topic: 't', content: { kind: 'fields', fields: 3 } };
    const device = world.startDevice({ source });
    await world.publish(await reshaped(1, grey));
    await world.time.advance(5_000);
    assert.equal(device.story.at(-1), '1 rejected source-mismatch');
    assert.ok(!device.story.includes('1 fetching'));
  });

  it('is refused where its window never fits a message that is read', async () => {
    const device = world.startDevice({ source: { ...pictures, maxBytes: 256 } });
    await world.publish(first);
    await world.time.advance(5_000);
    assert.equal(device.story.at(-1), '1 rejected source-limit-exceeded');
    assert.ok(!device.story.includes('1 fetching'));
  });
});
