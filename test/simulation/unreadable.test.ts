import assert from 'node:assert/strict';
import { crc32 } from '../../agent/core/state/checksum.js';
import { decodeRecord, encodeRecord } from '../../agent/core/state/record-codec.js';
import { decodeCbor } from '../../protocol/cbor/decode.js';
import { encodeCbor } from '../../protocol/cbor/encode.js';
import type { CborValue } from '../../protocol/cbor/value.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { LoadFault } from '../../simulator/ports/faulty-engine.js';
import type { StorageFault } from '../../simulator/ports/memory-storage.js';
import { assertEveryWindowAnswered } from './answers.js';
import { modelFileOf } from './disk-files.js';
import { settle } from './settle.js';
import { World } from './world.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';
import { slot } from './world-slot.js';

const minuteMs = 60_000;

/** What cannot be read or loaded now is not broken: a device with a current and a previous release starts without its broker. */
describe('A device that cannot read at its start', () => {
  let world: World;
  let device: WorldDevice;
  let first: ReleaseFile;
  let second: ReleaseFile;
  let storage: (what: string) => StorageFault = () => 'go';
  let loading: () => LoadFault = () => 'none';

  const start = (options: WorldDeviceOptions = {}): WorldDevice =>
    world.startDevice({
      beforeOperation: (_, what) => storage(what),
      beforeLoad: () => loading(),
      ...options,
    });

  beforeEach(async () => {
    storage = () => 'go';
    loading = () => 'none';
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
    device = await settle(world, start(), first);
    second = await world.release('vibration-v2', 2);
    await world.time.advance(5_000);
    assert.equal(device.record?.previous?.sequence, 1);
    device.losePower();
    world.broker.stop();
  });
  afterEach(() => {
    world.end();
  });

  /** What was answered meanwhile, as the broker hears it when it is back. */
  const heardSequences = async (): Promise<readonly (number | undefined)[]> => {
    world.broker.start();
    await world.time.advance(2_000);
    return [...new Set(device.results.map(({ sequence }) => sequence))];
  };

  const manifestOf = (sequence: 1 | 2): string => {
    const record = device.record;
    return (sequence === 2 ? record?.current : record?.previous)?.manifest ?? 'none';
  };

  const everything = (operation: string): boolean => /^(read|list) /.test(operation);
  const rows: readonly (readonly [what: string, fails: (operation: string) => boolean])[] = [
    ['anything', everything],
    ['its record', (operation) => operation.startsWith('read state/')],
    ['its manifests', (operation) => operation.startsWith('read manifests/')],
    ['its images', (operation) => operation.startsWith('read images/')],
    ['its decision log', (operation) => operation.startsWith('read log/')],
  ];
  for (const [what, fails] of rows) {
    for (const [howLong, durationMs] of [
      ['8 seconds', 8_000],
      ['an hour', 60 * minuteMs],
    ] as const) {
      it(`has lost nothing where ${what} could not be read for ${howLong}`, async () => {
        const { record } = device;
        storage = (operation) => (fails(operation) ? 'fail' : 'go');
        device = start({ disk: device.disk });
        await world.time.advance(durationMs);
        storage = () => 'go';
        // It looks twice a minute, and an answer takes its second.
        await world.time.advance(45_000);
        assert.deepEqual(device.record, record);
        assert.equal(device.engine.loaded.size, 1);
        assert.deepEqual((await heardSequences()).at(-1), 2);
        assertEveryWindowAnswered(device);
        const told = device.story.join('\n');
        assert.doesNotMatch(told, /state-lost|release-damaged/);
        const lines = device.logged.filter((event) => event.endsWith('-unreadable')).length;
        assert.ok(lines <= 40 + (2 * durationMs) / minuteMs, `${lines} lines`);
      });
    }
  }

  it('serves its previous release until the current one can be read, and writes nothing of that down', async () => {
    const { record } = device;
    const current = modelFileOf(second);
    storage = (operation) => (operation === `read ${current}` ? 'fail' : 'go');
    device = start({ disk: device.disk });
    await world.time.advance(10 * minuteMs);
    assert.deepEqual(device.record, record);
    storage = () => 'go';
    await world.time.advance(45_000);
    assert.deepEqual(device.record, record);
    assert.equal(device.engine.loaded.size, 1);
    const sequences = await heardSequences();
    assert.equal(sequences.at(-1), 2);
    // The broker keeps the latest of what was spooled.
    assert.equal(device.counted('windows-dropped'), 0);
  });

  it('takes its previous release for current only where the current one was read and is damaged', async () => {
    device.disk.files.set(modelFileOf(second), new Uint8Array(9));
    const previous = manifestOf(1);
    storage = (operation) => (operation === `read manifests/${previous}` ? 'fail' : 'go');
    device = start({ disk: device.disk });
    await world.time.advance(5 * minuteMs);
    assert.equal(device.record?.current?.sequence, 2);
    storage = () => 'go';
    await world.time.advance(45_000);
    assert.equal(device.record.current.sequence, 1);
    // Then what the policy names is fetched again.
    assert.equal((await heardSequences())[0], 1);
    assert.equal(device.story.filter((line) => line.includes('release-damaged')).length, 1);
  });

  for (const fault of ['engine-unavailable', 'engine-gone', 'memory-exhausted'] as const) {
    it(`has lost nothing where no model could be loaded for minutes: ${fault}`, async () => {
      const { record } = device;
      loading = () => fault;
      device = start({ disk: device.disk });
      await world.time.advance(5 * minuteMs);
      loading = () => 'none';
      await world.time.advance(45_000);
      assert.deepEqual(device.record, record);
      assert.deepEqual(await heardSequences(), [2]);
    });
  }

  it('loads its champion again after a trap, as soon as the disk reads again', async () => {
    const { record } = device;
    let traps = 0;
    device = start({
      disk: device.disk,
      beforeInference: () => (traps-- > 0 ? 'engine-trapped' : 'none'),
    });
    await world.time.advance(5_000);
    storage = (operation) => (everything(operation) ? 'fail' : 'go');
    traps = 1;
    await world.time.advance(2 * minuteMs);
    storage = () => 'go';
    await world.time.advance(45_000);
    assert.deepEqual(device.record, record);
    const bursts = device.bursts;
    await world.time.advance(5_000);
    assert.ok(device.bursts > bursts);
    assert.equal((await heardSequences()).at(-1), 2);
    assert.equal(device.engine.loaded.size, 1);
  });

  it('lets another slot serve meanwhile', async () => {
    world.broker.start();
    const other = 'bearing';
    const settings = {
      limits: { arenaBytes: 262_144, imageBytes: 1_048_576, periodMs: 1_000 },
      sink: { topic: undefined, encode: 'json' as const },
    };
    const both = {
      disk: device.disk,
      settings: { slots: new Map([slot, other].map((name) => [name, settings])) },
    };
    device = start(both);
    await world.publish(await world.createWorkshop(other).build('vibration-v1', 1));
    await world.time.advance(10_000);
    assert.equal(device.slotRecord(other)?.current?.sequence, 1);
    device.losePower();
    world.broker.stop();
    const current = `read manifests/${manifestOf(2)}`;
    const previous = `read manifests/${manifestOf(1)}`;
    storage = (operation) => (operation === current || operation === previous ? 'fail' : 'go');
    device = start(both);
    await world.time.advance(20_000);
    assert.equal(device.engine.loaded.size, 1);
    // It has connected too: nothing waits for the other slot.
    world.broker.start();
    await world.time.advance(5_000);
    assert.ok(world.heard('results', device.deviceId).length > 0);
  });

  it('ends in order while it waits for its record', async () => {
    storage = (operation) => (everything(operation) ? 'fail' : 'go');
    device = start({ disk: device.disk });
    await world.time.advance(minuteMs);
    const beforeMs = world.time.monotonicMs();
    await device.stop();
    assert.ok(world.time.monotonicMs() - beforeMs <= 2_100);
    const written = [...device.disk.files.keys()].length;
    await world.time.advance(minuteMs);
    assert.equal(device.disk.files.size, written);
  });

  it('goes on with the copy of its record that is whole where the other cannot be read for longer', async () => {
    storage = (operation) => (operation === 'read state/a' ? 'fail' : 'go');
    device = start({ disk: device.disk });
    await world.time.advance(2 * minuteMs);
    assert.equal(device.engine.loaded.size, 1);
    assert.equal(device.record?.current?.sequence, 2);
  });

  it('believes the newer copy of its record where that could not be read for some seconds', async () => {
    const files = device.disk.files;
    const newest = decodeRecord(files.get('state/a') ?? new Uint8Array());
    assert.ok(typeof newest === 'object');
    const { generation, record } = newest;
    files.set(
      'state/a',
      encodeRecord({ generation: generation + 1, record: { ...record, timeFloorMs: 5 } }),
    );
    storage = (operation) => (operation === 'read state/a' ? 'fail' : 'go');
    device = start({ disk: device.disk });
    await world.time.advance(10_000);
    storage = () => 'go';
    await world.time.advance(minuteMs);
    const found = decodeRecord(files.get('state/b') ?? new Uint8Array());
    assert.ok(typeof found === 'object');
    assert.equal(found.record.timeFloorMs, 5);
  });
});

describe('A device that is set back to an older agent', () => {
  let world: World;
  let device: WorldDevice;
  let files: Map<string, Uint8Array>;

  beforeEach(async () => {
    world = await World.create();
    device = await settle(
      world,
      world.startDevice(),
      await world.workshop.build('vibration-v1', 1),
    );
    device.losePower();
    files = device.disk.files;
  });
  afterEach(() => {
    world.end();
  });

  const later = (bytes: Uint8Array): Uint8Array => {
    const outer = decodeCbor(bytes);
    assert.ok(outer.ok);
    const body = decodeCbor((outer.value as CborValue[])[1] as Uint8Array);
    assert.ok(body.ok);
    const changed = encodeCbor(
      new Map(body.value as Map<number, CborValue>).set(0, 7).set(30, 'new'),
    );
    return encodeCbor([crc32(changed), changed]);
  };
  const damaged = (bytes: Uint8Array): Uint8Array => bytes.slice(0, 40);
  const same = (bytes: Uint8Array): Uint8Array => bytes;
  const none = (): undefined => undefined;

  for (const [what, a, b] of [
    ['both copies are of a later format', later, later],
    ['copy A is of a later format and copy B is its own', later, same],
    ['copy B is of a later format and copy A is its own', same, later],
    ['copy A is of a later format and copy B is damaged', later, damaged],
    ['copy B is of a later format and copy A is damaged', damaged, later],
    ['copy A is of a later format and there is no copy B', later, none],
  ] as const) {
    it(`refuses to run and changes nothing where ${what}`, async () => {
      for (const [name, change] of [
        ['state/a', a],
        ['state/b', b],
      ] as const) {
        const bytes = change(files.get(name) ?? new Uint8Array());
        if (bytes === undefined) files.delete(name);
        else files.set(name, bytes);
      }
      const before = new Map([...files].map(([name, bytes]) => [name, bytes.slice()]));
      const again = world.startDevice({ disk: device.disk });
      await world.time.advance(5 * minuteMs);
      assert.ok(again.failure instanceof CodedError);
      assert.equal(again.failure.code, 'state-from-later-version');
      assert.deepEqual(files, before);
      assert.deepEqual(again.events, []);
      again.failure = undefined;
    });
  }
});

describe('A device whose files are removed while it runs', () => {
  let world: World;
  let device: WorldDevice;
  beforeEach(async () => {
    world = await World.create();
    device = await settle(
      world,
      world.startDevice(),
      await world.workshop.build('vibration-v1', 1),
    );
  });
  afterEach(() => {
    world.end();
  });

  it('writes its record again, says what is gone, and serves on', async () => {
    const { record } = device;
    device.disk.files.clear();
    await world.time.advance(3 * minuteMs);
    assert.deepEqual(device.record, record);
    assert.equal(device.disk.files.has('state/b'), true);
    const told = device.story.filter((line) => line.includes('release-damaged'));
    assert.deepEqual(told, ['1 release-damaged image-missing']);
    assertEveryWindowAnswered(device);
    // At its next need: after a start.
    device.losePower();
    device = world.startDevice({ disk: device.disk });
    await world.time.advance(20_000);
    assert.equal(device.state.current, 1);
    assert.equal(device.results.at(-1)?.sequence, 1);
  });

  for (const name of ['state/a', 'state/b']) {
    it(`writes ${name} again where only that is gone`, async () => {
      device.disk.files.delete(name);
      await world.time.advance(2 * minuteMs);
      const copies = ['state/a', 'state/b'].map((copy) =>
        decodeRecord(device.disk.files.get(copy) ?? new Uint8Array()),
      );
      assert.ok(typeof copies[0] === 'object');
      assert.deepEqual(copies[0], copies[1]);
    });
  }
});

describe('The number of a start', () => {
  let world: World;
  let device: WorldDevice;
  beforeEach(async () => {
    world = await World.create();
    device = await settle(
      world,
      world.startDevice(),
      await world.workshop.build('vibration-v1', 1),
    );
  });
  afterEach(() => {
    world.end();
  });

  const bootOf = (started: WorldDevice): number => {
    const [a] = ['state/a'].map((name) =>
      decodeRecord(started.disk.files.get(name) ?? new Uint8Array()),
    );
    return typeof a === 'object' ? a.record.boot : -1;
  };

  it('is random below 2^48 after the record was lost, another each time, and goes on from there', async () => {
    assert.equal(bootOf(device), 1);
    const boots: number[] = [];
    for (let i = 0; i < 3; i++) {
      device.losePower();
      for (const name of ['state/a', 'state/b']) device.disk.files.set(name, new Uint8Array(7));
      device = world.startDevice({ disk: device.disk });
      await world.time.advance(5_000);
      assert.ok(device.story.includes('state-lost state-lost'));
      boots.push(bootOf(device));
    }
    assert.equal(new Set(boots).size, 3);
    for (const boot of boots) assert.ok(boot > 1_000 && boot <= 2 ** 48, String(boot));
    device.losePower();
    device = world.startDevice({ disk: device.disk });
    await world.time.advance(5_000);
    assert.equal(bootOf(device), (boots.at(-1) ?? 0) + 1);
  });

  it('is no number of another start where the record cannot be written', async () => {
    const heard = new Set<number>();
    for (let i = 0; i < 3; i++) {
      device.losePower();
      device = world.startDevice({
        disk: device.disk,
        beforeOperation: (_, what) => (what.startsWith('write state/') ? 'fail' : 'go'),
      });
      await world.time.advance(5_000);
      const presence = world.heard('presence', device.deviceId).at(-1) as { readonly boot: number };
      heard.add(presence.boot);
    }
    assert.equal(heard.size, 3);
  });
});
