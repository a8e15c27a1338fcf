import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { DeviceRecord } from '../../agent/core/state/record.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { slot } from './world-slot.js';
import type { WorldDevice } from './world-device.js';
import { World } from './world.js';

const lives = Number(process.env['TINYLAMP_LIVES'] ?? 30);

/** What the operator does, what befalls a device, and what the broker makes of all that was ever said. */
type Step =
  | { readonly kind: 'publish' }
  | { readonly kind: 'promote' }
  | { readonly kind: 'renew' }
  | { readonly kind: 'replay'; readonly topic: number; readonly earlier: number }
  | { readonly kind: 'mix'; readonly topic: number; readonly earlier: number }
  | { readonly kind: 'withhold'; readonly topic: number }
  | { readonly kind: 'set back'; readonly earlier: number }
  | { readonly kind: 'reorder' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'power' }
  | { readonly kind: 'newcomer' }
  | { readonly kind: 'time'; readonly ms: number };

const topic = fc.nat({ max: 99 });
const earlier = fc.nat({ max: 9_999 });
const kind = <K extends Step['kind']>(name: K): fc.Arbitrary<K> => fc.constant(name);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: kind('publish') }) },
  fc.record({ kind: kind('promote') }),
  fc.record({ kind: kind('renew') }),
  { weight: 3, arbitrary: fc.record({ kind: kind('replay'), topic, earlier }) },
  fc.record({ kind: kind('mix'), topic, earlier }),
  { weight: 2, arbitrary: fc.record({ kind: kind('withhold'), topic }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('set back'), earlier }) },
  fc.record({ kind: kind('reorder') }),
  { weight: 2, arbitrary: fc.record({ kind: kind('cut') }) },
  fc.record({ kind: kind('power') }),
  fc.record({ kind: kind('newcomer') }),
  {
    weight: 3,
    arbitrary: fc.record({ kind: kind('time'), ms: fc.constantFrom(50, 1_000, 5_000, 12_000) }),
  },
);

/**
 * A broker that delivers what it likes of what was ever signed, when and where it likes.
 *
 * Whatever it does: what a device has on record never falls, no device begins what a policy names that is older than any
 * policy or beacon that it has heard of, and once the broker is honest every device runs what was published last.
 */
describe('Devices on a broker that replays, withholds and reorders every kind of document', () => {
  it('never go back, and go on when it is honest again', async function () {
    this.timeout(600_000);
    const models = await World.create();
    // One after the other: the workshop measures each in the same engine.
    const built = [
      await models.workshop.build('vibration-v1', 1),
      await models.workshop.build('vibration-v2', 1),
    ];
    models.end();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const history = await History.begin(built);
        try {
          for (const each of steps) await history.happen(each);
          await history.becomeHonest();
        } finally {
          history.end();
        }
      }),
      { numRuns: lives },
    );
  });
});

class History {
  readonly #world: World;
  readonly #built: readonly ReleaseFile[];
  /** What is retained when the broker is honest. */
  readonly #honest = new Map<string, Uint8Array>();
  /** All that was ever retained, in order. */
  readonly #said: (readonly [topic: string, payload: Uint8Array])[] = [];
  #devices: WorldDevice[] = [];
  readonly #seen = new Map<string, DeviceRecord>();
  /** How much each device had told at the last look. */
  readonly #told = new Map<WorldDevice, number>();
  #newest: ReleaseFile | undefined;
  #sequence = 0;
  #names = 0;

  private constructor(world: World, built: readonly ReleaseFile[]) {
    this.#world = world;
    this.#built = built;
  }

  static async begin(built: readonly ReleaseFile[]): Promise<History> {
    const history = new History(await World.create(), built);
    history.#world.onMessage = (message) => {
      if (message.retained && !message.topic.includes('/devices/')) {
        history.#said.push([message.topic, message.payload]);
      }
      history.#check();
    };
    history.#startDevice();
    await history.#publish();
    return history;
  }

  async happen(each: Step): Promise<void> {
    const { broker, time } = this.#world;
    switch (each.kind) {
      case 'publish':
        await this.#publish();
        break;
      case 'promote':
        await this.#asOperator(async () => {
          if (this.#newest === undefined) return;
          const { sequence } = this.#newest.manifest;
          await this.#world.publishPolicy(this.#newest, { promoted: sequence });
        });
        break;
      case 'renew':
        await this.#asOperator(() => this.#world.renewBeacon());
        break;
      case 'replay': {
        const at = this.#topic(each.topic);
        const all = this.#said.filter(([said]) => said === at);
        this.#show(at, all[each.earlier % Math.max(1, all.length)]?.[1]);
        break;
      }
      case 'mix':
        // Among what says what is current: what is in the place of a manifest is for other tests.
        this.#show(this.#topic(each.topic % 4), this.#said[each.earlier % this.#said.length]?.[1]);
        break;
      case 'withhold':
        broker.retained.delete(this.#topic(each.topic));
        break;
      case 'set back': {
        broker.retained.clear();
        const until = each.earlier % (this.#said.length + 1);
        for (const [at, payload] of this.#said.slice(0, until)) broker.retained.set(at, payload);
        break;
      }
      case 'reorder': {
        const documents = [...broker.retained].filter(([at]) => !at.includes('/devices/'));
        for (const [at, payload] of documents.reverse()) this.#show(at, payload);
        break;
      }
      case 'cut':
        broker.cutSessions();
        await time.advance(2_000);
        break;
      case 'power':
        this.#devices = this.#devices.map((device) => {
          device.losePower();
          const { deviceId, disk } = device;
          return this.#world.startDevice({ deviceId, disk });
        });
        await time.advance(1_000);
        break;
      case 'newcomer':
        if (this.#devices.length < 3) this.#startDevice();
        break;
      case 'time':
        await time.advance(each.ms);
        break;
    }
    this.#check();
  }

  /** Everybody runs what was published last. */
  async becomeHonest(): Promise<void> {
    const { broker, time } = this.#world;
    for (const [at, payload] of this.#honest) {
      broker.publish({ topic: at, payload, retained: true });
    }
    broker.cutSessions();
    await time.advance(60_000);
    this.#check();
    for (const device of this.#devices) {
      assert.equal(
        device.state.current,
        this.#newest?.manifest.sequence,
        `${device.deviceId}: ${device.story.join(', ')}`,
      );
    }
  }

  end(): void {
    this.#world.end();
  }

  #startDevice(): void {
    this.#devices.push(this.#world.startDevice({ deviceId: `press-${++this.#names}` }));
  }

  async #publish(): Promise<void> {
    const sequence = ++this.#sequence;
    const release = this.#built[sequence % this.#built.length];
    if (release === undefined) throw new Error('there is a release');
    const next = this.#world.withManifest(release, { sequence });
    await this.#asOperator(async () => {
      await this.#world.publish(next);
      this.#newest = next;
    });
  }

  /** The operator's own tools are on the same broker; what they leave there is what is true. */
  async #asOperator(work: () => Promise<void>): Promise<void> {
    const from = this.#said.length;
    await work();
    for (const [at, payload] of this.#said.slice(from)) this.#honest.set(at, payload);
  }

  #topic(choice: number): string {
    const { topics } = this.#world;
    const all = [
      topics.policy(slot),
      topics.policy(slot),
      topics.beacon(),
      topics.beacon(),
      topics.manifest(slot, Math.max(1, this.#sequence)),
      topics.keyset(1),
    ];
    return all[choice % all.length] ?? '';
  }

  #show(at: string, payload: Uint8Array | undefined): void {
    if (payload === undefined) return;
    // Not by the hook: it is no word of the operator.
    const { onMessage } = this.#world;
    this.#world.onMessage = () => {
      this.#check();
    };
    this.#world.broker.publish({ topic: at, payload, retained: true });
    this.#world.onMessage = onMessage;
  }

  #check(): void {
    for (const device of this.#devices) {
      const now = device.deviceRecord;
      if (now === undefined) continue;
      const before = this.#seen.get(device.deviceId);
      if (before !== undefined) assertRisen(before, now, device);
      this.#seen.set(device.deviceId, now);
      // Each release has the version of the policy that names it first, or a later one.
      const record = now.slots.get(slot);
      const { namedPolicy, policyVersion = 0 } = record ?? {};
      const begun = device.story.at(-1) ?? '';
      const isNew = device.story.length > (this.#told.get(device) ?? 0);
      this.#told.set(device, device.story.length);
      // A start goes on with the candidate that it finds on record, whatever a beacon has named since.
      const goesOn = `${before?.slots.get(slot)?.candidate?.sequence ?? ''} offered` === begun;
      // While an offer waits for its manifest, the beacon may name a later policy: only new ones count.
      if (isNew && !goesOn && begun.endsWith(' offered') && namedPolicy !== undefined) {
        assert.ok(policyVersion >= namedPolicy.version, `${device.deviceId}: ${begun}`);
      }
    }
  }
}

function assertRisen(
  before: DeviceRecord,
  now: DeviceRecord,
  { deviceId, story }: WorldDevice,
): void {
  const numbers = (record: DeviceRecord): Readonly<Record<string, number>> => {
    const of = record.slots.get(slot);
    return {
      counter: record.beacon?.counter ?? 0,
      timeFloorMs: record.timeFloorMs,
      policyVersion: of?.policyVersion ?? 0,
      named: of?.namedPolicy?.version ?? 0,
      sequenceFloor: of?.sequenceFloor ?? 0,
      epochFloor: of?.epochFloor ?? 0,
      current: of?.current?.sequence ?? 0,
    };
  };
  const after = numbers(now);
  for (const [name, number] of Object.entries(numbers(before))) {
    assert.ok(
      (after[name] ?? 0) >= number,
      `${deviceId}: ${name} fell from ${number}: ${story.join(', ')}`,
    );
  }
}
