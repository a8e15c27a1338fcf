import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ReleaseFile } from '../../operator/release/release-file.js';
import type { InferenceFault } from '../../simulator/ports/faulty-engine.js';
import type { StorageFault } from '../../simulator/ports/memory-storage.js';
import { World } from './world.js';
import type { WorldDevice } from './world-device.js';

/** What can happen to a device, in any order and at any moment. */
type Happening =
  | { readonly kind: 'good release'; readonly model: 'vibration-v1' | 'vibration-v2' }
  | { readonly kind: 'bad release'; readonly damage: keyof typeof damages }
  | { readonly kind: 'previous release' }
  | { readonly kind: 'power cut'; readonly offMs: number }
  | { readonly kind: 'power cut at operation'; readonly operation: number }
  | { readonly kind: 'sessions cut' }
  | { readonly kind: 'broker away'; readonly forMs: number }
  | { readonly kind: 'storage fails'; readonly operations: number }
  | { readonly kind: 'engine fails'; readonly inferences: number; readonly slowMs: number }
  | { readonly kind: 'slow engine'; readonly inferences: number; readonly slowMs: number }
  | { readonly kind: 'block lost' }
  | { readonly kind: 'time'; readonly ms: number };

const damages = {
  'wrong self-test': (world: World, release: ReleaseFile) =>
    world.workshop.withWrongSelfTest(release),
  stranger: (world: World, release: ReleaseFile) => world.workshop.signedByStranger(release),
  block: (world: World, release: ReleaseFile) => world.workshop.withDamagedBlock(release),
  manifest: (world: World, release: ReleaseFile) => world.workshop.withDamagedManifest(release),
};

const ms = fc.integer({ min: 0, max: 7_000 });
const few = fc.integer({ min: 1, max: 12 });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({
    kind: fc.constant('good release' as const),
    model: fc.constantFrom('vibration-v1' as const, 'vibration-v2' as const),
  }),
  fc.record({
    kind: fc.constant('bad release' as const),
    damage: fc.constantFrom(...(Object.keys(damages) as (keyof typeof damages)[])),
  }),
  fc.record({ kind: fc.constant('previous release' as const) }),
  fc.record({ kind: fc.constant('power cut' as const), offMs: ms }),
  fc.record({
    kind: fc.constant('power cut at operation' as const),
    operation: fc.integer({ min: 1, max: 40 }),
  }),
  fc.record({ kind: fc.constant('sessions cut' as const) }),
  fc.record({ kind: fc.constant('broker away' as const), forMs: ms }),
  fc.record({ kind: fc.constant('storage fails' as const), operations: few }),
  fc.record({
    kind: fc.constant('engine fails' as const),
    inferences: few,
    slowMs: fc.constantFrom(0, 400, 1_500),
  }),
  fc.record({
    kind: fc.constant('slow engine' as const),
    inferences: few,
    slowMs: fc.integer({ min: 1, max: 3_000 }),
  }),
  fc.record({ kind: fc.constant('block lost' as const) }),
  fc.record({ kind: fc.constant('time' as const), ms }),
  fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(20, 900, 30_000) }),
);

/** One device and what is happening to it. */
class Course {
  readonly world: World;
  device: WorldDevice;
  #sequence = 0;
  #good: ReleaseFile[] = [];
  #cutAt = Infinity;
  #failingOperations = 0;
  #failures = { inferences: 0, slowMs: 0, trap: false };
  #policyVersion = 0;

  constructor(world: World) {
    this.world = world;
    this.device = this.#start(undefined);
  }

  async happen(what: Happening): Promise<void> {
    const { world } = this;
    switch (what.kind) {
      case 'good release':
        await this.publishGood(what.model);
        break;
      case 'bad release':
        await world.publish(
          damages[what.damage](world, await world.workshop.build('vibration-v2', ++this.#sequence)),
        );
        break;
      case 'previous release': {
        const release = this.#good.at(-2);
        if (release !== undefined) await world.publish(release);
        break;
      }
      case 'power cut':
        this.device.losePower();
        await world.time.advance(what.offMs);
        this.device = this.#start(this.device);
        break;
      case 'power cut at operation':
        this.#cutAt = what.operation;
        await world.time.advance(3_000);
        this.#cutAt = Infinity;
        this.device.losePower();
        this.device = this.#start(this.device);
        break;
      case 'sessions cut':
        world.broker.cutSessions();
        break;
      case 'broker away':
        world.broker.stop();
        await world.time.advance(what.forMs);
        world.broker.start();
        break;
      case 'storage fails':
        this.#failingOperations = what.operations;
        break;
      case 'engine fails':
        this.#failures = { inferences: what.inferences, slowMs: what.slowMs, trap: true };
        break;
      case 'slow engine':
        this.#failures = { inferences: what.inferences, slowMs: what.slowMs, trap: false };
        break;
      case 'block lost': {
        const block = [...world.broker.retained.keys()].find((topic) => topic.includes('/blocks/'));
        if (block !== undefined) world.broker.retained.delete(block);
        break;
      }
      case 'time':
        await world.time.advance(what.ms);
        break;
    }
    this.#check();
  }

  async publishGood(model: 'vibration-v1' | 'vibration-v2'): Promise<number> {
    const release = await this.world.workshop.build(model, ++this.#sequence);
    await this.world.publish(release);
    this.#good.push(release);
    return this.#sequence;
  }

  endFaults(): void {
    this.#failingOperations = 0;
    this.#failures = { inferences: 0, slowMs: 0, trap: false };
  }

  /** What must hold at every moment. */
  #check(): void {
    const { device } = this;
    assert.equal(device.failure, undefined);
    const version = device.record?.policyVersion ?? 0;
    assert.ok(version >= this.#policyVersion, 'a floor fell');
    this.#policyVersion = version;
    // Windows are answered in order, and none of them twice.
    const numbers = device.results.map(({ window }) => window);
    assert.ok(
      numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0)),
      numbers.join(' '),
    );
  }

  #start(before: WorldDevice | undefined): WorldDevice {
    let operations = 0;
    const device = this.world.createDevice({
      ...(before && { disk: before.disk }),
      beforeOperation: (): StorageFault => {
        if (++operations >= this.#cutAt) return 'stop';
        if (this.#failingOperations === 0) return 'go';
        this.#failingOperations--;
        return 'fail';
      },
      beforeInference: (): InferenceFault => {
        if (this.#failures.inferences === 0) return 'none';
        this.#failures.inferences--;
        const { slowMs, trap } = this.#failures;
        if (!trap) return { slowMs };
        return slowMs === 0 ? 'engine-trapped' : { slowMs, then: 'engine-trapped' };
      },
    });
    device.start();
    return device;
  }
}

describe('A device to which anything happens', () => {
  it('runs the release that was published last, once nothing happens any more, and has lost count of nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 3, maxLength: 14 }), async (happenings) => {
        const world = await World.create();
        try {
          const course = new Course(world);
          for (const what of happenings) await course.happen(what);
          course.endFaults();
          const last = await course.publishGood('vibration-v1');
          // The longest pause of a device between two attempts is a quarter of an hour.
          await world.time.advance(960_000);
          const { device } = course;
          const story = device.story.slice(-30).join('\n');
          assert.equal(device.failure, undefined);
          assert.equal(device.record?.current?.sequence, last, story);
          assert.equal(device.engine.loaded.size, 1, `instances are left\n${story}`);
          await world.time.advance(60_000);
          const answers = device.results.length;
          await world.time.advance(10_000);
          assert.equal(device.results.length, answers + 10, story);
          assert.equal(
            device.counted('windows'),
            device.counted('answers') + device.counted('windows-dropped'),
          );
        } finally {
          world.end();
        }
      }),
      { numRuns: Number(process.env['TINYLAMP_RUNS'] ?? 25), endOnFailure: false },
    );
  }).timeout(180_000);
});
