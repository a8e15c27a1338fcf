import assert from 'node:assert/strict';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { encodeRecord } from '../../agent/core/state/record-codec.js';
import { withSlot } from '../../agent/core/state/record.js';
import { toHex } from '../../protocol/bytes.js';
import { expectOk } from '../../protocol/coded-error.js';
import { openSign1, sealSign1 } from '../../protocol/cose/sign1.js';
import {
  encodeBeacon,
  parseBeacon,
  type Beacon,
  type SlotBeacon,
} from '../../protocol/documents/beacon.js';
import { readKeyset } from '../../operator/release/verify-release.js';
import { encodePolicy, parsePolicy, type Policy } from '../../protocol/documents/policy.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { slot } from './world-slot.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';
import { World } from './world.js';

const dayMs = 86_400_000;
const jump = 2 ** 20;
const sha256 = (bytes: Uint8Array): Uint8Array => createNodeCrypto().sha256(bytes);

/** A broker that replays, withholds and mixes, and keys in wrong hands. */
describe('A device and its beacon', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => {
    world.end();
  });

  const topics = (): { readonly policy: string; readonly beacon: string } => ({
    policy: world.topics.policy(slot),
    beacon: world.topics.beacon(),
  });
  const shown = (topic: string): Uint8Array =>
    world.broker.retained.get(topic) ?? assert.fail(`nothing on ${topic}`);
  const show = (topic: string, payload: Uint8Array): void => {
    world.broker.publish({ topic, payload, retained: true });
  };
  const withhold = (topic: string): void => {
    world.broker.retained.delete(topic);
  };
  const policy = (): Policy =>
    expectOk(parsePolicy(expectOk(openSign1(shown(topics().policy), 'policy')).payload));
  const beacon = (): Beacon =>
    expectOk(parseBeacon(expectOk(openSign1(shown(topics().beacon), 'beacon')).payload));
  const sign = (type: 'policy' | 'beacon', payload: Uint8Array): Uint8Array =>
    sealSign1(type, world.keys.key.kid, payload, (bytes) => world.keys.key.sign(bytes));
  const signPolicy = (change: Partial<Policy>): Uint8Array =>
    sign('policy', encodePolicy({ ...policy(), ...change }));
  const signBeacon = (change: Partial<Beacon>, named: Partial<SlotBeacon> = {}): Uint8Array => {
    const now = beacon();
    const slots = new Map(now.slots);
    const before = slots.get(slot);
    if (before !== undefined) slots.set(slot, { ...before, ...named });
    return sign('beacon', encodeBeacon({ ...now, slots, ...change }));
  };
  const start = async (options: WorldDeviceOptions = {}, forMs = 30_000): Promise<WorldDevice> => {
    const device = world.startDevice(options);
    await world.time.advance(forMs);
    return device;
  };
  const restart = async (device: WorldDevice, forMs = 30_000): Promise<WorldDevice> => {
    device.losePower();
    return start({ deviceId: device.deviceId, disk: device.disk }, forMs);
  };
  const settled = async (sequence = 1): Promise<WorldDevice> => {
    await world.release('vibration-v1', sequence);
    const device = await start();
    assert.equal(device.state.current, sequence, device.story.join('\n'));
    return device;
  };

  describe('at the start of a session', () => {
    it('refuses an older policy than the beacon names, also where it has never heard of a newer one', async () => {
      await world.release('vibration-v1', 1);
      const old = shown(topics().policy);
      await world.release('vibration-v2', 2);
      const current = shown(topics().policy);
      show(topics().policy, old);
      const device = await start();
      assert.deepEqual(device.story, ['document-refused policy-outdated']);
      show(topics().policy, current);
      await world.time.advance(10_000);
      assert.equal(device.state.current, 2);
    });

    it('refuses another policy of the version that the beacon names', async () => {
      await world.release('vibration-v1', 1);
      show(topics().policy, signPolicy({ promoted: 1 }));
      const device = await start();
      assert.deepEqual(device.story, ['document-refused document-conflict']);
    });

    for (const [what, delivered] of [
      ['retained', true],
      ['not retained', false],
    ] as const) {
      it(`keeps a policy, ${what}, until the beacon has come`, async () => {
        await world.release('vibration-v1', 1);
        const [told, named] = [shown(topics().policy), shown(topics().beacon)];
        world.broker.retained.delete(topics().beacon);
        if (!delivered) world.broker.retained.delete(topics().policy);
        const device = await start({}, 1_000);
        if (!delivered) {
          world.broker.publish({ topic: topics().policy, payload: told, retained: false });
        }
        await world.time.advance(7_000);
        assert.equal(device.story.length, 0);
        world.broker.publish({ topic: topics().beacon, payload: named, retained: false });
        await world.time.advance(1_000);
        assert.ok(device.story.includes('1 offered'), device.story.join('\n'));
      });
    }

    it('waits ten seconds for a beacon, says that there is none, and then acts', async () => {
      await world.release('vibration-v1', 1);
      withhold(topics().beacon);
      const device = await start({}, 9_900);
      assert.deepEqual(device.story, []);
      await world.time.advance(200);
      assert.deepEqual(device.story.slice(0, 2), ['beacon-missing', '1 offered']);
    });

    it('does not take the end of a session for a beacon that is missing', async () => {
      await world.release('vibration-v1', 1);
      withhold(topics().beacon);
      const device = await start({}, 5_000);
      world.broker.stop();
      await world.time.advance(60_000);
      assert.deepEqual(device.story, []);
      world.broker.start();
      await world.time.advance(15_000);
      assert.deepEqual(device.story.slice(0, 2), ['beacon-missing', '1 offered']);
    });

    it('acts on the newest of the policies that came before the beacon', async () => {
      await world.release('vibration-v1', 1);
      const old = shown(topics().policy);
      await world.release('vibration-v2', 2);
      const [current, named] = [shown(topics().policy), shown(topics().beacon)];
      world.broker.retained.clear();
      const device = await start({}, 1_000);
      for (const payload of [old, current, old, Uint8Array.of(1, 2, 3)]) {
        world.broker.publish({ topic: topics().policy, payload, retained: false });
      }
      world.broker.publish({ topic: topics().beacon, payload: named, retained: false });
      await world.time.advance(1_000);
      assert.deepEqual(
        device.story.filter((line) => line.endsWith('offered')),
        ['2 offered'],
      );
    });
  });

  it('knows after a start, without the beacon, what the beacon named', async () => {
    await world.release('vibration-v1', 1);
    const old = shown(topics().policy);
    await world.release('vibration-v2', 2);
    withhold(topics().policy);
    const device = await start();
    show(topics().policy, old);
    withhold(topics().beacon);
    const again = await restart(device);
    assert.deepEqual(again.story, ['beacon-missing', 'document-refused policy-outdated']);
  });

  it('refuses another policy of the version that it has accepted', async () => {
    const device = await settled();
    withhold(topics().beacon);
    show(topics().policy, signPolicy({ promoted: 1 }));
    await world.time.advance(5_000);
    assert.equal(device.story.at(-1), 'document-refused document-conflict');
    const again = await restart(device);
    assert.equal(again.story.at(-1), 'document-refused document-conflict');
    assert.equal(again.record?.sequenceFloor, 0);
  });

  const refusals: readonly (readonly [what: string, forged: () => Uint8Array, code: string])[] = [
    ['of an earlier counter', () => signBeacon({ counter: 1 }), 'beacon-replayed'],
    [
      'of the same counter that says something else',
      () => signBeacon({ expires: beacon().expires + 1 }),
      'document-conflict',
    ],
    [
      'that names an earlier policy than the one before',
      () => signBeacon({ counter: 9 }, { policyVersion: 1 }),
      'beacon-replayed',
    ],
    [
      'that names another policy of the same version',
      () => signBeacon({ counter: 9 }, { policy: new Uint8Array(32) }),
      'document-conflict',
    ],
    ['whose counter jumps', () => signBeacon({ counter: 2 + jump + 1 }), 'number-jump'],
    [
      'whose counter jumps to the end of all numbers, from a time to come',
      () => signBeacon({ counter: Number.MAX_SAFE_INTEGER, issued: 2 ** 40, expires: 2 ** 41 }),
      'number-jump',
    ],
  ];
  for (const [what, forged, code] of refusals) {
    it(`refuses a beacon ${what}, and believes the operator's next one`, async () => {
      await world.release('vibration-v1', 1);
      await world.release('vibration-v1', 2);
      const device = await start();
      const honest = shown(topics().beacon);
      show(topics().beacon, forged());
      await world.time.advance(1_000);
      assert.equal(device.story.at(-1), `document-refused ${code}`);
      assert.equal(device.deviceRecord?.beacon?.counter, 2);
      show(topics().beacon, honest);
      await world.renewBeacon();
      await world.time.advance(1_000);
      assert.equal(device.deviceRecord?.beacon?.counter, 3);
      await world.release('vibration-v2', 3);
      await world.time.advance(10_000);
      assert.equal(device.state.current, 3);
    });
  }

  it('accepts the greatest counter that operators may have come to, and what follows it', async () => {
    const device = await settled();
    show(topics().beacon, signBeacon({ counter: 1 + jump }));
    await world.time.advance(1_000);
    assert.equal(device.deviceRecord?.beacon?.counter, 1 + jump);
    world.takeOver = true;
    await world.renewBeacon();
    await world.time.advance(1_000);
    const newcomer = await start({ deviceId: 'press-8' });
    for (const each of [device, newcomer]) {
      assert.equal(each.deviceRecord?.beacon?.counter, 2 + jump);
    }
  });

  it('catches up, a day later, with a counter that was used up while it was away', async () => {
    const device = await settled();
    device.losePower();
    show(topics().beacon, signBeacon({ counter: 1 + jump }));
    world.takeOver = true;
    await world.renewBeacon();
    const back = await start({ disk: device.disk });
    assert.ok(back.story.includes('document-refused number-jump'), back.story.join('\n'));
    world.time.jumpWall(dayMs);
    await world.renewBeacon();
    await world.time.advance(15_000);
    assert.equal(back.deviceRecord?.beacon?.counter, 3 + jump);
  });

  describe('says so, and serves on, where the beacon', () => {
    const said = (device: WorldDevice): readonly string[] =>
      device.story.filter((line) => line.startsWith('beacon-'));

    it('is hidden: once in every run', async () => {
      const device = await settled();
      withhold(topics().beacon);
      for (let sessions = 0; sessions < 3; sessions++) {
        world.broker.cutSessions();
        await world.time.advance(20_000);
      }
      assert.deepEqual(said(device), ['beacon-missing']);
      const again = await restart(device);
      assert.deepEqual(said(again), ['beacon-missing']);
      assert.equal(again.results.length, again.bursts);
    });

    it('is hidden, and was known: when its time is over, too', async () => {
      const device = await settled();
      withhold(topics().beacon);
      const again = await restart(device);
      world.time.jumpWall(31 * dayMs);
      await world.time.advance(120_000);
      assert.deepEqual(said(again), ['beacon-missing', 'beacon-stale beacon-stale']);
      assert.equal(again.results.length, again.bursts);
    });

    it('has expired: once in every run, also without a broker', async () => {
      const device = await settled();
      world.time.jumpWall(31 * dayMs);
      await world.time.advance(120_000);
      assert.deepEqual(said(device), ['beacon-stale beacon-stale']);
      const again = await restart(device);
      assert.deepEqual(said(again), ['beacon-stale beacon-stale']);
      assert.equal(again.results.length, again.bursts);
      await world.renewBeacon();
      await world.time.advance(1_000);
      const fresh = await restart(again);
      assert.deepEqual(said(fresh), []);
    });

    it('may not be read: at once, without the wait', async () => {
      await world.release('vibration-v1', 1);
      world.broker.unreadable.add(topics().beacon);
      const device = await start({}, 1_000);
      assert.deepEqual(device.story.slice(0, 3), [
        'topic-refused subscription-refused',
        'beacon-missing',
        '1 offered',
      ]);
    });
  });

  describe('gives floors', () => {
    const epochal = async (sequence: number, epoch: number): Promise<ReleaseFile> =>
      world.withManifest(await world.workshop.build('vibration-v1', sequence), { epoch });

    /** A device whose slot was promoted to release 5 of epoch 2, and whose record was lost. */
    const lost = async (): Promise<WorldDevice> => {
      await world.release('vibration-v1', 4);
      const fifth = await epochal(5, 2);
      await world.publish(fifth);
      const device = await start();
      await world.publishPolicy(fifth, { promoted: 5 });
      await world.time.advance(5_000);
      assert.deepEqual([device.record?.sequenceFloor, device.record?.epochFloor], [5, 2]);
      // A later policy does not say any more what was promoted.
      await world.publishPolicy(fifth);
      await world.time.advance(5_000);
      device.losePower();
      for (const name of ['state/a', 'state/b']) {
        device.disk.files.set(name, device.disk.files.get(name)?.with(20, 0) ?? new Uint8Array());
      }
      return device;
    };

    it('back to a device that has lost its state', async () => {
      const device = await lost();
      const again = await start({ disk: device.disk });
      assert.ok(again.story.includes('state-lost state-lost'));
      assert.equal(again.state.current, 5);
      assert.deepEqual([again.record?.sequenceFloor, again.record?.epochFloor], [5, 2]);
    });

    for (const [what, sequence, epoch, code] of [
      ['an older release', 4, 2, 'sequence-below-floor'],
      ['a release of an older epoch', 6, 1, 'epoch-below-floor'],
    ] as const) {
      it(`to a device that has lost its state, before it runs anything: ${what} is refused`, async () => {
        const device = await lost();
        await world.publish(await epochal(sequence, epoch));
        const again = await start({ disk: device.disk });
        assert.equal(again.story.at(-1), `${sequence} rejected ${code}`, again.story.join('\n'));
        assert.equal(again.state.current, undefined);
        await world.publish(await epochal(7, 2));
        await world.time.advance(10_000);
        assert.equal(again.state.current, 7);
        assert.deepEqual([again.record?.sequenceFloor, again.record?.epochFloor], [5, 2]);
      });
    }

    it('that a stolen key cannot raise above what runs', async () => {
      const device = await settled();
      const most = Number.MAX_SAFE_INTEGER;
      show(topics().beacon, signBeacon({ counter: 2 }, { promotedFloor: most, epochFloor: most }));
      await world.time.advance(1_000);
      assert.deepEqual([device.record?.sequenceFloor, device.record?.epochFloor], [0, 0]);
      const newcomer = await start({ deviceId: 'press-8' });
      assert.equal(newcomer.story.at(-1), '1 rejected sequence-below-floor');
      world.takeOver = true;
      await world.renewBeacon();
      await world.time.advance(10_000);
      assert.equal(newcomer.state.current, 1, newcomer.story.join('\n'));
      await world.release('vibration-v2', 2);
      await world.time.advance(10_000);
      assert.equal(device.state.current, 2);
      assert.equal(newcomer.state.current, 2);
    });
  });

  describe('with a policy whose version jumps', () => {
    it('refuses it where no beacon names it', async () => {
      const device = await settled();
      show(topics().policy, signPolicy({ version: 1 + jump + 1 }));
      await world.time.advance(1_000);
      assert.equal(device.story.at(-1), 'document-refused number-jump');
      assert.equal(device.record?.policyVersion, 1);
    });

    it('accepts the greatest one that operators may have come to', async () => {
      const device = await settled();
      show(topics().policy, signPolicy({ version: 1 + jump }));
      await world.time.advance(1_000);
      assert.equal(device.record?.policyVersion, 1 + jump);
    });

    it('asks for it again when a beacon names it, and accepts it', async () => {
      const device = await settled();
      const far = signPolicy({ version: 2 ** 40 });
      show(topics().policy, far);
      await world.time.advance(1_000);
      show(
        topics().beacon,
        signBeacon({ counter: 2 }, { policyVersion: 2 ** 40, policy: sha256(far) }),
      );
      await world.time.advance(1_000);
      assert.equal(device.record?.policyVersion, 2 ** 40);
    });

    it('does not accept it on the word of a beacon that has expired', async () => {
      const device = await settled();
      const far = signPolicy({ version: 2 ** 40 });
      const { issued } = beacon();
      show(
        topics().beacon,
        signBeacon(
          { counter: 2, expires: issued + 1 },
          { policyVersion: 2 ** 40, policy: sha256(far) },
        ),
      );
      show(topics().policy, far);
      await world.time.advance(1_000);
      assert.ok(device.story.includes('document-refused number-jump'), device.story.join('\n'));
    });

    it('is not deaf for good where a stolen beacon key names a version that never comes', async () => {
      const device = await settled();
      show(topics().beacon, signBeacon({ counter: 2 }, { policyVersion: 2 ** 50 }));
      await world.time.advance(1_000);
      assert.equal(device.record?.namedPolicy?.version, 1);
      world.takeOver = true;
      await world.release('vibration-v2', 2);
      await world.time.advance(10_000);
      assert.equal(device.state.current, 2, device.story.join('\n'));
    });

    it('follows the operator past it, whether it was there or away', async () => {
      const here = await settled();
      const away = await start({ deviceId: 'press-8' });
      away.losePower();
      show(topics().policy, signPolicy({ version: 1 + jump }));
      await world.time.advance(1_000);
      world.takeOver = true;
      await world.release('vibration-v2', 2);
      assert.equal(policy().version, 2 + jump);
      const back = await start({ deviceId: 'press-8', disk: away.disk });
      for (const device of [here, back]) {
        assert.equal(device.state.current, 2, device.story.join('\n'));
      }
    });

    it('refuses a release whose number jumps, until the beacon names its policy', async () => {
      const device = await settled();
      const far = await world.workshop.build('vibration-v2', 1 + jump + 1);
      world.onMessage = ({ topic }) => {
        if (topic === topics().policy) world.broker.stop();
      };
      await assert.rejects(world.publish(far));
      world.onMessage = () => undefined;
      world.broker.start();
      await world.time.advance(20_000);
      assert.ok(device.story.includes('document-refused number-jump'), device.story.join('\n'));
      await world.renewBeacon();
      await world.time.advance(10_000);
      assert.equal(device.state.current, 1 + jump + 1, device.story.join('\n'));
    });
  });

  describe('and the time', () => {
    const year = 365 * dayMs;

    it('believes the beacon where its clock shows a time before its own making', async () => {
      const notBefore = world.time.wallMs() / 1000 - 60;
      const first = await world.workshop.build('vibration-v1', 1);
      await world.publish(world.withManifest(first, { notBefore }));
      const issuedMs = beacon().issued * 1000;
      world.time.jumpWall(-world.time.wallMs());
      const device = await start();
      assert.equal(device.state.current, 1, device.story.join('\n'));
      assert.equal(device.deviceRecord?.timeFloorMs, issuedMs);
    });

    it('knows after a start what time it is at least, without a broker', async () => {
      await world.release('vibration-v1', 1);
      const device = await start();
      world.broker.retained.clear();
      const second = await world.workshop.build('vibration-v2', 2);
      const notBefore = Math.floor(world.time.wallMs() / 1000) - 60;
      await world.publish(world.withManifest(second, { notBefore }));
      withhold(topics().beacon);
      world.time.jumpWall(-world.time.wallMs());
      const again = await restart(device);
      assert.equal(again.state.current, 2, again.story.join('\n'));
    });

    it('is not moved by a clock that is ahead', async () => {
      const device = await settled();
      const floorMs = device.deviceRecord?.timeFloorMs;
      world.time.jumpWall(5 * year);
      await world.time.advance(60_000);
      const again = await restart(device, 60_000);
      assert.equal(again.deviceRecord?.timeFloorMs, floorMs);
    });

    it('is not moved by a beacon that is ahead of a clock that may be right; that is said', async () => {
      const device = await settled();
      const floorMs = device.deviceRecord?.timeFloorMs;
      const issued = beacon().issued + (20 * year) / 1000;
      show(topics().beacon, signBeacon({ counter: 2, issued, expires: issued + 1_000 }));
      await world.time.advance(1_000);
      assert.equal(device.story.at(-1), 'beacon-ahead beacon-ahead');
      assert.equal(device.deviceRecord?.timeFloorMs, floorMs);
      world.takeOver = true;
      await world.release('vibration-v2', 2);
      await world.time.advance(10_000);
      assert.equal(device.state.current, 2, device.story.join('\n'));
    });

    it('does not end the keyset by a beacon from the end of all days, although the clock is wrong', async () => {
      await world.release('vibration-v1', 1);
      const honestMs = world.time.wallMs();
      const [issued, expires] = [2 ** 40, 2 ** 41];
      show(topics().beacon, signBeacon({ counter: 2, issued, expires }));
      world.time.jumpWall(-honestMs);
      const device = await start();
      const endMs = readKeyset(world.keys.keyset).expires * 1000;
      assert.equal(device.deviceRecord?.timeFloorMs, endMs);
      world.time.jumpWall(honestMs);
      world.takeOver = true;
      await world.release('vibration-v2', 2);
      await world.time.advance(30_000);
      assert.equal(device.state.current, 2, device.story.join('\n'));
      const again = await restart(device);
      await world.release('vibration-v1', 3);
      await world.time.advance(10_000);
      assert.equal(again.state.current, 3, again.story.join('\n'));
    });
  });

  it('goes on from a record that knew only the counter', async () => {
    const device = await settled();
    const { deviceRecord } = device;
    assert.ok(deviceRecord?.beacon);
    device.losePower();
    const { counter } = deviceRecord.beacon;
    const older = withSlot(
      {
        ...deviceRecord,
        beacon: { counter, issued: 0, expires: 0, keysetVersion: 0 },
        timeFloorMs: 0,
      },
      slot,
      { policyDigest: undefined, namedPolicy: undefined },
    );
    for (const name of ['state/a', 'state/b']) {
      device.disk.files.set(name, encodeRecord({ generation: 99, record: older }));
    }
    const again = await start({ disk: device.disk });
    assert.deepEqual(again.story, []);
    const { issued, expires } = beacon();
    assert.deepEqual(again.deviceRecord?.beacon, { counter, issued, expires, keysetVersion: 1 });
    assert.equal(again.record?.namedPolicy?.digest, toHex(sha256(shown(topics().policy))));
  });
});
