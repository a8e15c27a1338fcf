import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import { expectOk } from '../../../protocol/coded-error.js';
import { sealSign } from '../../../protocol/cose/sign.js';
import { openSign1, sealSign1 } from '../../../protocol/cose/sign1.js';
import { encodeBeacon, parseBeacon, type Beacon } from '../../../protocol/documents/beacon.js';
import { encodeKeyset } from '../../../protocol/documents/keyset.js';
import { encodePolicy, parsePolicy, type Policy } from '../../../protocol/documents/policy.js';
import { openKeyFolder } from '../../../operator/keys/key-folder.js';
import { readKeyset } from '../../../operator/release/verify-release.js';
import type { ReleaseFile } from '../../../protocol/documents/release-file.js';
import { fixedKey, sampleKeyset } from '../../helpers/documents.js';
import { slot } from '../../simulation/world-slot.js';
import { World } from '../../simulation/world.js';

const crypto = createNodeCrypto();

describe('Publishing past a broker that replays, withholds and invents', () => {
  let world: World;
  let camera: (sequence: number) => Promise<ReleaseFile>;
  beforeEach(async () => {
    world = await World.create();
    const workshop = world.createWorkshop('camera');
    camera = (sequence) => workshop.build('vibration-v1', sequence);
  });
  afterEach(() => {
    world.end();
  });

  const policyTopic = (of = slot): string => world.topics.policy(of);
  const shown = (topic: string): Uint8Array => {
    const payload = world.broker.retained.get(topic);
    assert.ok(payload, `nothing is retained on ${topic}`);
    return payload;
  };
  const show = (topic: string, payload: Uint8Array): void => {
    world.broker.retained.set(topic, payload);
  };
  const policyOf = (bytes: Uint8Array): Policy =>
    expectOk(parsePolicy(expectOk(openSign1(bytes, 'policy')).payload));
  const beaconOf = (bytes: Uint8Array): Beacon =>
    expectOk(parseBeacon(expectOk(openSign1(bytes, 'beacon')).payload));
  const policy = (of = slot): Policy => policyOf(shown(policyTopic(of)));
  const beacon = (): Beacon => beaconOf(shown(world.topics.beacon()));
  const sign = (type: 'policy' | 'beacon', payload: Uint8Array): Uint8Array =>
    sealSign1(type, world.keys.key.kid, payload, (bytes) => world.keys.key.sign(bytes));
  const signedPolicy = (change: Partial<Policy>): Uint8Array =>
    sign('policy', encodePolicy({ ...policy(), ...change }));
  const signedBeacon = (change: Partial<Beacon>): Uint8Array =>
    sign('beacon', encodeBeacon({ ...beacon(), ...change }));
  const loseFolder = (): void => {
    const { files, keyFolder } = world;
    files.remove(`${keyFolder}/numbers.json`);
    for (const name of files.list(`${keyFolder}/published`)) {
      files.remove(`${keyFolder}/published/${name}`);
    }
  };

  describe('what is older', () => {
    it('is put right in all slots, and said', async () => {
      await world.publish(await camera(1));
      const old = [policyTopic('camera'), world.topics.beacon()].map(
        (topic) => [topic, shown(topic)] as const,
      );
      await world.publish(await camera(2));
      const current = shown(policyTopic('camera'));
      for (const [topic, payload] of old) show(topic, payload);
      await world.release('vibration-v1', 1);
      assert.deepEqual(shown(policyTopic('camera')), current);
      assert.equal(beacon().slots.get('camera')?.policyVersion, 2);
      assert.deepEqual(beacon().slots.get('camera')?.policy, crypto.sha256(current));
      assert.deepEqual(world.notices, [
        'the broker showed policy 1 of camera: policy 2 is published again',
        'the broker showed beacon 1: beacon 2 is published again',
      ]);
    });

    it('is put right by a renewal of the beacon, where the broker has lost everything', async () => {
      await world.publish(await camera(1));
      await world.release('vibration-v1', 1);
      const retained = new Map(world.broker.retained);
      world.broker.retained.clear();
      await world.renewBeacon();
      for (const topic of [policyTopic(), policyTopic('camera')]) {
        assert.deepEqual(shown(topic), retained.get(topic));
      }
      assert.equal(beacon().counter, 3);
      assert.deepEqual([...beacon().slots.keys()].sort(), ['camera', slot]);
    });

    it('is put right where a command was ended between writing down and sending', async () => {
      await world.release('vibration-v1', 1);
      world.onMessage = ({ topic }) => {
        if (topic === policyTopic()) world.broker.stop();
      };
      await assert.rejects(world.release('vibration-v1', 2));
      world.onMessage = () => undefined;
      world.broker.start();
      await world.renewBeacon();
      assert.deepEqual([policy().version, policy().champion.sequence], [2, 2]);
      assert.equal(beacon().slots.get(slot)?.policyVersion, 2);
    });
  });

  const inventions: readonly (readonly [what: string, bytes: () => Uint8Array])[] = [
    ['bytes of nobody', () => Uint8Array.of(1, 2, 3)],
    ['the policy of another slot', () => shown(policyTopic('camera'))],
    ['a beacon', () => shown(world.topics.beacon())],
    [
      'a policy whose signature does not hold',
      () => {
        const bytes = shown(policyTopic());
        // One in sixteen signatures ends with a zero.
        return bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1);
      },
    ],
    [
      'a policy of a stranger',
      () => {
        const stranger = fixedKey(7);
        const payload = encodePolicy({ ...policy(), version: 90 });
        return sealSign1('policy', stranger.kid, payload, (bytes) => stranger.sign(bytes));
      },
    ],
  ];
  for (const [what, bytes] of inventions) {
    it(`overwrites ${what} in the place of a policy`, async () => {
      await world.publish(await camera(1));
      await world.release('vibration-v1', 1);
      show(policyTopic(), bytes());
      await world.release('vibration-v1', 2);
      assert.deepEqual([policy().version, policy().champion.sequence], [2, 2]);
      assert.deepEqual(world.notices, [
        `the broker showed no policy of ${slot}: policy 1 is published again`,
      ]);
    });
  }

  it('overwrites what is no keyset in the place of the keyset', async () => {
    await world.release('vibration-v1', 1);
    show(world.topics.keyset(1), Uint8Array.of(1, 2, 3));
    await world.release('vibration-v1', 2);
    assert.deepEqual(shown(world.topics.keyset(1)), world.keys.keyset);
  });

  it('sends nothing where the keyset is that of somebody else', async () => {
    const stranger = fixedKey(7);
    const keyset = sealSign('keyset', encodeKeyset(sampleKeyset([stranger])), [stranger]);
    show(world.topics.keyset(1), keyset);
    await assert.rejects(world.release('vibration-v1', 1), { code: 'keyset-foreign' });
    assert.deepEqual(world.messages, []);
  });

  describe('what is newer and signed by the same keys', () => {
    const news: readonly (readonly [what: string, show: () => void])[] = [
      [
        'a later policy',
        () => {
          show(policyTopic(), signedPolicy({ version: 7 }));
        },
      ],
      [
        'a policy of the same version with another content',
        () => {
          show(policyTopic(), signedPolicy({ promoted: 1 }));
        },
      ],
      [
        'a later beacon',
        () => {
          show(world.topics.beacon(), signedBeacon({ counter: 7 }));
        },
      ],
      [
        'a beacon of the same counter with another content',
        () => {
          show(world.topics.beacon(), signedBeacon({ expires: 2 ** 40 }));
        },
      ],
      ['everything, for a folder that was lost', loseFolder],
    ];
    for (const [what, happen] of news) {
      it(`stops before anything is sent: ${what}`, async () => {
        await world.release('vibration-v1', 1);
        happen();
        const { length } = world.messages;
        const second = await world.workshop.build('vibration-v1', 2);
        await assert.rejects(world.publish(second), { code: 'published-elsewhere' });
        await assert.rejects(world.publishPolicy(second), { code: 'published-elsewhere' });
        await assert.rejects(world.renewBeacon(), { code: 'published-elsewhere' });
        assert.equal(world.messages.length, length);
        world.takeOver = true;
        const before = { version: policy().version, counter: beacon().counter };
        await world.publish(second);
        assert.ok(policy().version > before.version);
        assert.ok(beacon().counter > before.counter);
        assert.equal(policy().champion.sequence, 2);
        assert.equal(beacon().slots.get(slot)?.policyVersion, policy().version);
        // Once is enough.
        world.takeOver = false;
        await world.release('vibration-v1', 3);
      });
    }

    it('lends a policy’s number, however far it is ahead, and nothing of its content', async () => {
      await world.release('vibration-v1', 1);
      const stolen = { sequence: 99, manifest: new Uint8Array(32) };
      show(policyTopic(), signedPolicy({ version: 2 ** 40, champion: stolen, arms: [] }));
      world.takeOver = true;
      await world.renewBeacon();
      assert.deepEqual(
        beacon()
          .slots.get(slot)
          ?.releases.map(({ sequence }) => sequence),
        [1],
      );
      await world.release('vibration-v1', 2);
      assert.equal(policy().version, 2 ** 40 + 1);
    });

    it('is not gone on with where no device believes it', async () => {
      await world.release('vibration-v1', 1);
      show(policyTopic(), signedPolicy({ version: Number.MAX_SAFE_INTEGER }));
      show(world.topics.beacon(), signedBeacon({ counter: Number.MAX_SAFE_INTEGER }));
      world.takeOver = true;
      await world.release('vibration-v1', 2);
      assert.deepEqual([policy().version, beacon().counter], [2, 2]);
    });

    it('is adopted, for a folder that was lost, where beacon and policy agree', async () => {
      const epochal = await camera(5);
      await world.publish(world.withManifest(epochal, { epoch: 3 }));
      await world.publishPolicy(world.withManifest(epochal, { epoch: 3 }), { promoted: 5 });
      const current = shown(policyTopic('camera'));
      loseFolder();
      world.takeOver = true;
      await world.release('vibration-v1', 1);
      const { promotedFloor, epochFloor, ...named } =
        beacon().slots.get('camera') ?? assert.fail('the slot is not named');
      assert.deepEqual([promotedFloor, epochFloor], [5, 3]);
      assert.deepEqual(named.policy, crypto.sha256(current));
      assert.ok(
        world.notices.includes('taken over: policy 2 of camera, with champion 5 and no arms'),
        world.notices.join('\n'),
      );
    });

    it('is not adopted where the beacon names another policy', async () => {
      await world.publish(await camera(5));
      show(
        policyTopic('camera'),
        sign('policy', encodePolicy({ ...policy('camera'), promoted: 5 })),
      );
      loseFolder();
      world.takeOver = true;
      await world.release('vibration-v1', 1);
      assert.ok(!beacon().slots.has('camera'));
      assert.deepEqual(
        world.notices.filter((notice) => notice.includes('camera')),
        [
          'the broker showed policy 1 of camera (published last: none)',
          'not taken over: slot camera, whose policy is not the one that the beacon names',
        ],
      );
    });

    it('has no floors above what runs', async () => {
      await world.release('vibration-v1', 1);
      const named = beacon().slots.get(slot) ?? assert.fail('the slot is not named');
      const most = Number.MAX_SAFE_INTEGER;
      const slots = new Map([[slot, { ...named, promotedFloor: most, epochFloor: most }]]);
      show(world.topics.beacon(), signedBeacon({ counter: 9, slots }));
      world.takeOver = true;
      await world.renewBeacon();
      const { promotedFloor, epochFloor } =
        beacon().slots.get(slot) ?? assert.fail('the slot is not named');
      assert.deepEqual([promotedFloor, epochFloor], [1, 0]);
    });
  });

  it('names the floors of what was promoted, which never fall', async () => {
    const epochal = world.withManifest(await world.workshop.build('vibration-v1', 4), { epoch: 2 });
    const floors = (): readonly (number | undefined)[] => {
      const named = beacon().slots.get(slot);
      return [named?.promotedFloor, named?.epochFloor];
    };
    await world.publish(epochal);
    assert.deepEqual(floors(), [0, 0]);
    await world.publishPolicy(epochal, { promoted: 4 });
    assert.deepEqual(floors(), [4, 2]);
    await world.release('vibration-v1', 5);
    assert.deepEqual(floors(), [4, 2]);
    await world.renewBeacon();
    assert.deepEqual(floors(), [4, 2]);
  });

  it('names no floor above what the promoting policy lets run besides', async () => {
    const [first, second] = [
      await world.release('vibration-v1', 1),
      await world.release('vibration-v2', 2),
    ];
    await world.publishPolicy(second, { promoted: 2, arms: [{ release: first }] });
    assert.equal(beacon().slots.get(slot)?.promotedFloor, 1);
  });

  it('sends nothing with keys that may not sign the beacon', async () => {
    const { key } = world.keys;
    const [own] = readKeyset(world.keys.keyset).keys;
    assert.ok(own);
    const keyset = sampleKeyset([], {
      keys: [{ ...own, roles: ['root', 'manifest', 'policy'] }],
    });
    world.files.writeDurably(
      `${world.keyFolder}/keyset.cbor`,
      sealSign('keyset', encodeKeyset(keyset), [key]),
    );
    world.keys = openKeyFolder(world.files, world.keyFolder);
    await assert.rejects(world.release('vibration-v1', 1), { code: 'key-role-mismatch' });
    assert.deepEqual(world.messages, []);
  });

  it('says which of its documents is damaged, and signs nothing', async () => {
    await world.release('vibration-v1', 1);
    const file = world.keys.published.file(policyTopic());
    world.files.writeDurably(file, shown(policyTopic()).with(40, 0));
    const { length } = world.messages;
    await assert.rejects(world.renewBeacon(), { code: 'keys-unreadable' });
    assert.equal(world.messages.length, length);
  });

  it('signs no number twice and nothing older, whatever the broker shows', async () => {
    const releases = [1, 2, 3].map((sequence) => world.workshop.build('vibration-v1', sequence));
    const [of, ofCamera] = [await Promise.all(releases), await Promise.all([1, 2, 3].map(camera))];
    const topics = [policyTopic(), policyTopic('camera'), world.topics.beacon()];
    type Step =
      | { readonly kind: 'publish'; readonly of: 0 | 1; readonly which: number }
      | { readonly kind: 'renew' }
      | { readonly kind: 'show'; readonly topic: number; readonly earlier: number }
      | { readonly kind: 'withhold'; readonly topic: number };
    const topic = fc.nat({ max: topics.length - 1 });
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.record({
        kind: fc.constant('publish' as const),
        of: fc.constantFrom(0 as const, 1 as const),
        which: fc.nat({ max: 2 }),
      }),
      fc.record({ kind: fc.constant('renew' as const) }),
      fc.record({ kind: fc.constant('show' as const), topic, earlier: fc.nat() }),
      fc.record({ kind: fc.constant('withhold' as const), topic }),
    );
    const versions = new Map<string, number>();
    let counter = 0;
    world.onMessage = ({ topic: at, payload }) => {
      if (at === topics[2]) {
        const signed = beaconOf(payload);
        // Published again is no news.
        if (signed.counter <= counter) return;
        counter = signed.counter;
        for (const [each, { policyVersion }] of signed.slots) {
          assert.equal(policyVersion, versions.get(each), each);
        }
      } else if (topics.includes(at)) {
        const { slot: each, version } = policyOf(payload);
        assert.ok(version >= (versions.get(each) ?? 0), `policy ${version} of ${each}`);
        versions.set(each, version);
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async (steps) => {
        for (const each of steps) {
          const at = 'topic' in each ? (topics[each.topic] ?? '') : '';
          switch (each.kind) {
            case 'publish': {
              const release = (each.of === 0 ? of : ofCamera)[each.which];
              if (release !== undefined) await world.publish(release);
              break;
            }
            case 'renew':
              await world.renewBeacon();
              break;
            case 'show': {
              const all = world.messages.filter((message) => topics.includes(message.topic));
              const replayed = all[each.earlier % Math.max(1, all.length)];
              if (replayed !== undefined) show(at, replayed.payload);
              break;
            }
            case 'withhold':
              world.broker.retained.delete(at);
              break;
          }
        }
        await world.renewBeacon();
        for (const [each, version] of versions) assert.equal(policy(each).version, version);
        assert.equal(beacon().counter, counter);
      }),
      { numRuns: 60 },
    );
  });
});
