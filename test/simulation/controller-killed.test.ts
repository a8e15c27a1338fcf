import assert from 'node:assert/strict';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { CodedError, expectOk } from '../../protocol/coded-error.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { parseBeacon } from '../../protocol/documents/beacon.js';
import { parsePolicy, type Policy } from '../../protocol/documents/policy.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import { takeTurns } from '../../operator/keys/folder-turn.js';
import { openKeyFolder } from '../../operator/keys/key-folder.js';
import type { Files } from '../../operator/ports/files.js';
import type { TryLock } from '../../operator/ports/folder-lock.js';
import { connectBroker } from '../../operator/publish/broker-client.js';
import { beginRollout, resumeRollout } from '../../operator/rollout/begin-rollout.js';
import type { DeviceListener } from '../../operator/rollout/fleet-ears.js';
import { lockRollout } from '../../operator/rollout/controller-lock.js';
import { replayVerdicts } from '../../operator/rollout/replay.js';
import { RequestBox } from '../../operator/rollout/requests.js';
import { RolloutStore } from '../../operator/rollout/rollout-store.js';
import type { Rollout, RolloutDevice } from '../../operator/rollout/rollout.js';
import { runRollout } from '../../operator/rollout/run-rollout.js';
import { RosterKeyring } from '../../operator/roster/roster-keyring.js';
import { enrol, readRoster } from '../../operator/roster/roster.js';
import { MemoryFiles } from '../../simulator/ports/memory-files.js';
import { ProcessLife, type WriteFault } from '../../simulator/ports/process-life.js';
import { plan } from '../operator/rollout/example-rollout.js';
import { AgreeingFleet } from './agreeing-fleet.js';
import { sampleWallMs } from '../helpers/documents.js';
import { outcomeOf, type Outcome } from './rollout-outcome.js';
import { World } from './world.js';
import { slot } from './world-slot.js';

const patient = { ...plan, reportMs: 1_000, stepSoakMs: 1_000, bakeMs: 2_000, holdout: 500 };

describe('A controller', function () {
  this.timeout(300_000);
  const fleet = new AgreeingFleet(12);
  let champion: ReleaseFile;
  let challenger: ReleaseFile;
  let world: World;

  before(async () => {
    const { workshop } = await World.create();
    champion = await workshop.build('vibration-v1', 1);
    challenger = await workshop.build('vibration-v2', 2);
  });

  /** The world anew: the operator's key is the same, and so is all that it does. */
  const begin = async (): Promise<void> => {
    world = await World.create();
    await world.publish(champion);
    for (const deviceId of fleet.deviceIds) {
      enrol(world.files, world.keyFolder, { deviceId, labels: {}, key: undefined }, sampleWallMs);
    }
  };
  afterEach(() => {
    world.end();
  });

  /** The policy that devices would hear now. */
  const standing = (): Policy => {
    const bytes = world.broker.retained.get(world.topics.policy(slot)) ?? new Uint8Array();
    return expectOk(parsePolicy(expectOk(openSign1(bytes, 'policy')).payload));
  };

  /** The version of the policy that the beacon names: devices follow no other. */
  const announced = (): number | undefined => {
    const bytes = world.broker.retained.get(world.topics.beacon()) ?? new Uint8Array();
    const { slots } = expectOk(parseBeacon(expectOk(openSign1(bytes, 'beacon')).payload));
    return slots.get(slot)?.policyVersion;
  };

  /** One life of `rollout start`; gives the rollout where it came to its end. */
  const live = async (life = new ProcessLife()): Promise<Rollout | undefined> => {
    const { time, tree, locks } = world;
    const scheduler = time.createScheduler();
    const process = locks.createProcess();
    const files = new MemoryFiles(tree, life);
    try {
      return await world.carryThrough(start(files, life, scheduler, process.tryLock));
    } catch (error) {
      if (!life.isStruck) throw error;
      return undefined;
    } finally {
      scheduler.stop();
      process.end();
    }
  };

  const start = async (
    files: Files,
    life: ProcessLife,
    scheduler: Scheduler,
    tryLock: TryLock,
  ): Promise<Rollout> => {
    const { time, broker, topics, keyFolder } = world;
    const store = new RolloutStore(files, keyFolder);
    const requests = new RequestBox(files, keyFolder, slot);
    const enrolled = (): readonly RolloutDevice[] =>
      readRoster(files, keyFolder).devices.map(({ deviceId }) => ({
        deviceId,
        stratum: undefined,
      }));
    await lockRollout(tryLock, store, slot);
    const transport = broker.createTransport({ scheduler, spoolBytes: 1e6 });
    const client = await connectBroker(transport, scheduler);
    const publish = {
      // Asynchronous as it is, what was sent may have arrived or not.
      client: {
        ...client,
        publish: async (topic: string, payload: Uint8Array) =>
          life.write(() => client.publish(topic, payload)),
      },
      topics,
      keys: openKeyFolder(files, keyFolder),
      exclusively: takeTurns(tryLock, keyFolder, scheduler),
      crypto: createNodeCrypto(),
      randomBytes: (length: number) => new Uint8Array(length).fill(7),
      progress: () => undefined,
      notice: () => undefined,
    };
    const tools = { ...publish, wallMs: time.wallMs() };
    const beginning = { release: challenger, plan: patient, roster: enrolled(), store, requests };
    const rollout =
      store.find(slot) === undefined
        ? await beginRollout(beginning, tools)
        : await resumeRollout(slot, store, tools);
    let listener: DeviceListener = () => undefined;
    const hear = (now: Rollout): void => {
      // Devices hear of a step by the beacon.
      if (announced() === standing().version) fleet.say(now, standing(), listener);
    };
    return runRollout(rollout, {
      publish,
      store,
      requests,
      keyring: new RosterKeyring(files, keyFolder),
      scheduler,
      now: () => time.wallMs(),
      monotonicMs: () => time.monotonicMs(),
      listen: (heard) => {
        listener = heard;
        // The broker keeps what they have said.
        hear(rollout);
        return () => undefined;
      },
      enrolled,
      hear: () => undefined,
      decided: () => undefined,
      progress: hear,
      signal: new AbortController().signal,
    });
  };

  /** The next life. Where all is decided and published it has nothing to do. */
  const goOn = async (): Promise<void> => {
    try {
      await live();
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'rollout-over') throw error;
    }
  };

  const assertPromoted = (): void => {
    const store = new RolloutStore(world.files, world.keyFolder);
    const rollout = store.read(slot);
    assert.equal(rollout.status, 'promoted');
    const chain = store.chainOf(rollout);
    assert.deepEqual(
      replayVerdicts(rollout, (number) => chain.read(number)).map(({ finding, verdict }) => [
        finding,
        verdict?.action,
      ]),
      [
        ['agrees', 'advance'],
        ['agrees', 'advance'],
        ['agrees', 'advance'],
        ['agrees', 'promote'],
      ],
    );
    const { promoted, arms, champion: current, version } = standing();
    assert.deepEqual([promoted, arms, current.sequence], [2, [], 2]);
    assert.equal(announced(), version);
  };

  let whole: Outcome;
  let writes = 0;
  it('that lives comes to a promotion over two steps and a bake, byte for byte each time', async () => {
    await begin();
    const life = new ProcessLife();
    assert.equal((await live(life))?.status, 'promoted');
    assertPromoted();
    whole = outcomeOf(world);
    writes = life.writes;
    assert.ok(writes >= 50, String(writes));
    const { tree, messages } = world;
    world.end();
    await begin();
    await live();
    assert.deepEqual(world.tree, tree);
    assert.deepEqual(world.messages, messages);
  });

  const faults: readonly (readonly [WriteFault, string])[] = [
    ['killed-before', 'that is killed before'],
    ['killed-after', 'that is killed after'],
    ['refused', 'whose disk or broker refuses'],
  ];
  for (const [fault, sentence] of faults) {
    it(`${sentence} any one of its writes comes to the same end in its next life`, async () => {
      for (let write = 1; write <= writes; write++) {
        await begin();
        if ((await live(new ProcessLife({ write, fault }))) === undefined) await goOn();
        assertPromoted();
        assert.deepEqual(outcomeOf(world), whole, `write ${write}`);
        world.end();
      }
    });
  }
});
