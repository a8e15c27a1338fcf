import assert from 'node:assert/strict';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { InferenceFault } from '../../simulator/ports/faulty-engine.js';
import { settle } from './settle.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';
import { World } from './world.js';

/** Sources that send many windows at a time, and models that are slower than their source. */
describe('Windows that come faster than they are answered', () => {
  let world: World;
  let first: ReleaseFile;
  let inference: (handle: number) => InferenceFault = () => 'none';

  const settled = (options: WorldDeviceOptions): Promise<WorldDevice> =>
    settle(
      world,
      world.startDevice({ beforeInference: (handle) => inference(handle), ...options }),
      first,
    );

  const numbersOf = (device: WorldDevice): number[] => device.results.map(({ window }) => window);

  beforeEach(async () => {
    inference = () => 'none';
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
  });
  afterEach(() => {
    world.end();
  });

  for (const [windows, slowMs] of [
    [20, 1],
    [20, 200],
    [600, 15],
  ] as const) {
    it(`are all answered where ${windows} come in one message, at ${slowMs} ms each`, async () => {
      const device = await settled({ burst: { windows, everyMs: 10_000 } });
      inference = () => ({ slowMs });
      await world.time.advance(63_000);
      const numbers = numbersOf(device);
      assert.ok(numbers.length >= 6 * windows, `${numbers.length}`);
      assert.deepEqual(
        numbers,
        numbers.map((_, i) => i + 1),
      );
      assert.ok(!device.story.some((line) => line.startsWith('window-dropped')));
    });
  }

  it('lose the oldest where the model is slower than its source, and each is answered or counted', async () => {
    const device = await settled({ burst: { windows: 20, everyMs: 5_000 } });
    inference = () => ({ slowMs: 500 });
    await world.time.advance(5 * 60_000);
    const { t = 0, window = 0 } = device.results.at(-1) ?? {};
    // Samples get no older than the bound, a message and an answer.
    assert.ok(world.time.wallMs() - t < 30_000 + 5_000 + 1_000, `${world.time.wallMs() - t} ms`);
    inference = () => 'none';
    await world.time.advance(60_000);
    const [windows, answers, dropped] = ['windows', 'answers', 'windows-dropped'].map((name) =>
      device.counted(name),
    );
    assert.ok((dropped ?? 0) > 100);
    assert.equal(windows, (answers ?? 0) + (dropped ?? 0));
    assert.ok(numbersOf(device).includes(window));
    assert.deepEqual(
      numbersOf(device),
      numbersOf(device).toSorted((a, b) => a - b),
    );
  });

  it('are counted as dropped where the device stops before it has answered them', async () => {
    const device = await settled({ burst: { windows: 50, everyMs: 10_000 } });
    inference = () => ({ slowMs: 900 });
    await world.time.advance(11_000);
    await device.stop();
    assert.equal(
      device.counted('windows'),
      // One was under way.
      device.counted('answers') + device.counted('windows-dropped') + 1,
    );
  });

  it('do not cut short a candidate that is quick enough, however many come at a time', async () => {
    const device = await settled({ burst: { windows: 200, everyMs: 20_000 } });
    inference = () => ({ slowMs: 40 });
    const second = await world.workshop.build('vibration-v2', 2);
    await world.publish(second, { soakMs: 60_000, inferences: 500 });
    await world.time.advance(125_000);
    assert.ok(device.story.includes('2 committed'), device.story.join('\n'));
    assert.equal(device.reports.at(-1)?.releases.find(({ release }) => release === 2)?.late, 0);
    assert.deepEqual(
      numbersOf(device),
      numbersOf(device).map((_, i) => i + 1),
    );
  });

  it('lose none to a candidate that hangs', async () => {
    const device = await settled({ burst: { windows: 20, everyMs: 3_000 } });
    const champion = Math.max(...device.engine.loaded);
    inference = (handle) => (handle > champion ? { slowMs: 60_000 } : { slowMs: 20 });
    await world.publish(await world.workshop.build('vibration-v2', 2), {
      soakMs: 600_000,
      inferences: 100_000,
    });
    await world.time.advance(10 * 60_000);
    assert.ok(
      device.story.some((line) => line.startsWith('2 rolled-back')),
      device.story.join('\n'),
    );
    assert.ok(!device.story.some((line) => line.startsWith('window-dropped')));
    const numbers = numbersOf(device);
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i + 1),
    );
  });
});
