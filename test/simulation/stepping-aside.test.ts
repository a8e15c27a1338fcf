import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { expectOk } from '../../protocol/coded-error.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { parseEvidence, type Evidence } from '../../protocol/messages/evidence.js';
import { Prng } from '../../simulator/prng.js';
import { environments } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import { parseDisagreements } from '../../protocol/messages/disagreements.js';
import { settle } from './settle.js';
import { slot } from './world-slot.js';
import { World } from './world.js';
import type { WorldDevice } from './world-device.js';

const labelsTopic = 'factory/press-7/truth';
const truth = 'normal';
const shadow = { windows: 1_000, budgetPermille: 1000 };
/** N = 1, so that few blocks are enough to name the device. */
const evidence = { devices: 1, alphaPermille: 50, deviceMarginPermille: 50, blockWindows: 5 };

/** What may come to a device that has stepped aside. */
const trials = [
  'served again',
  'promoted',
  'power cut',
  'start without broker',
  'nothing',
] as const;

/** A device on which the challenger is much worse: the labels that show it come, and the broker goes at once. */
class LonelyDevice {
  readonly world: World;
  readonly #good: ReleaseFile;
  readonly #bad: ReleaseFile;
  readonly #stories: string[] = [];
  device: WorldDevice;

  private constructor(world: World, good: ReleaseFile, bad: ReleaseFile) {
    this.world = world;
    this.#good = good;
    this.#bad = bad;
    this.device = this.#start();
  }

  /** The challenger serves, and enough windows wait for their labels. */
  static async create(): Promise<LonelyDevice> {
    const world = await World.create();
    const good = await world.workshop.build('vibration-v2', 2);
    const bad = await world.workshop.build('vibration-v3', 3);
    const lonely = new LonelyDevice(world, good, bad);
    await settle(world, lonely.device, good);
    await world.publishContent(bad);
    await lonely.serve();
    await world.time.advance(100_000);
    assert.equal(lonely.current, 3);
    return lonely;
  }

  get current(): number | undefined {
    return this.device.record?.current?.sequence;
  }

  get evidence(): Evidence | undefined {
    const payload = this.world.broker.retained.get(
      this.world.topics.evidence(this.device.deviceId, slot),
    );
    return payload && expectOk(parseEvidence(expectOk(openSign1(payload, 'evidence')).payload));
  }

  /** What it has told in all its starts. */
  get story(): readonly string[] {
    return [...this.#stories, ...this.device.story];
  }

  /** The challenger serves everyone, and the champion answers in its shadow. */
  serve(): Promise<void> {
    const arms = [
      { release: this.#bad },
      { release: this.#bad, shadow },
      { release: this.#good, shadow },
    ];
    return this.world.publishPolicy(this.#good, { arms, evidence });
  }

  /** The challenger is current for good, but for who stays behind. */
  promote(): Promise<void> {
    const fallback = { release: this.#good };
    return this.world.publishPolicy(this.#bad, { promoted: 3, evidence, fallback });
  }

  /** A release that nobody has compared, for everyone. */
  async publishAnother(): Promise<void> {
    await this.world.publish(this.world.withManifest(this.#bad, { sequence: 4 }));
  }

  /** Says who was right on each window that the device has asked about in this start or another. */
  tellTruth(): void {
    const { messages, topics, broker } = this.world;
    const asked = topics.disagreements(this.device.deviceId, slot);
    for (const { topic, payload } of messages.filter((each) => each.topic === asked)) {
      assert.equal(topic, asked);
      const message = expectOk(openSign1(payload, 'disagreements'));
      for (const { boot, window } of expectOk(parseDisagreements(message.payload)).entries) {
        const label = new TextEncoder().encode(JSON.stringify({ boot, window, label: truth }));
        broker.publish({ topic: labelsTopic, payload: label, retained: false });
      }
    }
  }

  restart(): void {
    this.#stories.push(...this.device.story);
    this.device.losePower();
    this.device = this.#start(this.device);
  }

  #start(before?: WorldDevice): WorldDevice {
    return this.world.startDevice({
      labelsTopic,
      telemetrySchedule: '* * * * * *',
      signal: new VibrationSignal(environments.field, truth, Prng.fromSeed(5)),
      ...(before && { disk: before.disk }),
    });
  }
}

describe('A device that its own evidence names', () => {
  it('steps aside without the broker, says so when it is back, and never returns by itself to that release', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.option(fc.integer({ min: 0, max: 3_000 }), { nil: undefined }),
        fc.integer({ min: 4_000, max: 30_000 }),
        fc.array(fc.constantFrom(...trials), { minLength: 1, maxLength: 4 }),
        async (cutAfterMs, awayMs, course) => {
          const lonely = await LonelyDevice.create();
          const { world } = lonely;
          try {
            lonely.tellTruth();
            // Right after the last label is there, before anything that follows from it can be said.
            queueMicrotask(() => {
              world.broker.stop();
            });
            if (cutAfterMs !== undefined) {
              await world.time.advance(cutAfterMs);
              // Before it was written down, the power takes the finding with it: the windows are asked about again.
              const isWritten = lonely.current === 2;
              lonely.restart();
              await world.time.advance(awayMs);
              if (isWritten) assert.equal(lonely.current, 2);
            } else {
              await world.time.advance(awayMs);
              assert.equal(lonely.current, 2);
              // Nobody has heard of it yet.
              assert.equal(lonely.device.state.current, 3);
              assert.ok(!lonely.story.includes('3 stepped-aside'));
            }
            world.broker.start();
            await world.time.advance(5_000);
            lonely.tellTruth();
            await world.time.advance(5_000);
            assertAside(lonely);
            // An event that waits for the broker is lost with the power, and the evidence says the same.
            if (cutAfterMs === undefined) assert.ok(lonely.story.includes('3 stepped-aside'));
            for (const trial of course) {
              await undergo(lonely, trial);
              assertAside(lonely);
            }
            // It is that release which it will not have.
            await lonely.publishAnother();
            await world.time.advance(10_000);
            assert.equal(lonely.current, 4);
          } finally {
            world.end();
          }
        },
      ),
      { numRuns: 12 },
    );
  }).timeout(300_000);
});

/** It runs the champion, has lost no way back, and whoever looks sees why. */
function assertAside(lonely: LonelyDevice): void {
  assert.equal(lonely.current, 2);
  assert.equal(lonely.device.state.current, 2);
  assert.equal(lonely.device.record?.sequenceFloor, 0);
  assert.deepEqual([lonely.evidence?.aside, lonely.evidence?.service.serving], ['named', false]);
  const { story } = lonely;
  assert.equal(story.filter((line) => line === '3 committed').length, 1, story.join('\n'));
}

async function undergo(lonely: LonelyDevice, trial: (typeof trials)[number]): Promise<void> {
  const { world } = lonely;
  switch (trial) {
    case 'served again':
      await lonely.serve();
      break;
    case 'promoted':
      await lonely.promote();
      break;
    case 'power cut':
      lonely.restart();
      break;
    case 'start without broker':
      world.broker.stop();
      lonely.restart();
      await world.time.advance(5_000);
      assert.equal(lonely.current, 2);
      world.broker.start();
      break;
    case 'nothing':
      break;
  }
  await world.time.advance(10_000);
}
