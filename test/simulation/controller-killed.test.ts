import assert from 'node:assert/strict';
import path from 'node:path';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { isExposed, experimentName } from '../../protocol/assignment/bucket.js';
import { fromHex } from '../../protocol/bytes.js';
import { CodedError, expectOk } from '../../protocol/coded-error.js';
import { sealSign1, openSign1 } from '../../protocol/cose/sign1.js';
import { parseBeacon } from '../../protocol/documents/beacon.js';
import { everyone, parsePolicy, type Policy } from '../../protocol/documents/policy.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { encodeEvidence } from '../../protocol/messages/evidence.js';
import { connectBroker, type BrokerClient } from '../../operator/publish/broker-client.js';
import { beginRollout, resumeRollout } from '../../operator/rollout/begin-rollout.js';
import type { DeviceListener } from '../../operator/rollout/fleet-ears.js';
import { TransientKeyring } from '../../operator/rollout/keyring.js';
import { replayVerdicts } from '../../operator/rollout/replay.js';
import { RequestBox } from '../../operator/rollout/requests.js';
import { RolloutStore } from '../../operator/rollout/rollout-store.js';
import { shadowStep, type Rollout } from '../../operator/rollout/rollout.js';
import { runRollout } from '../../operator/rollout/run-rollout.js';
import { VerdictChain } from '../../operator/rollout/verdict-chain.js';
import type { VerdictRecord } from '../../operator/rollout/verdict-record.js';
import { createSeededKey } from '../../simulator/ports/seeded-key.js';
import { blocks, evidenceOf, plan } from '../operator/rollout/example-rollout.js';
import { World } from './world.js';
import { slot } from './world-slot.js';

const roster = Array.from({ length: 12 }, (_, i) => ({
  deviceId: `press-${i}`,
  stratum: undefined,
}));

type Fate = 'before' | 'after' | 'refused';

/** Kills the controller before one of its writes or after it, or lets the disk refuse that write alone. */
class Executioner {
  writes = 0;
  #isDead = false;
  readonly #at: number;
  readonly #fate: Fate;

  constructor(at: number, fate: Fate) {
    this.#at = at;
    this.#fate = fate;
  }

  do<T>(write: () => T): T {
    if (this.#isDead) throw new Killed();
    const isLast = ++this.writes === this.#at;
    if (!isLast) return write();
    this.#isDead = this.#fate !== 'refused';
    if (this.#fate === 'after') write();
    throw new Killed();
  }
}

class Killed extends Error {}

class WatchedChain extends VerdictChain {
  executioner: Executioner | undefined;

  override write(record: VerdictRecord): void {
    this.executioner?.do(() => {
      super.write(record);
    });
  }
}

class WatchedStore extends RolloutStore {
  readonly #keyFolder: string;
  readonly #executioner: Executioner;

  constructor(keyFolder: string, executioner: Executioner) {
    super(keyFolder);
    this.#keyFolder = keyFolder;
    this.#executioner = executioner;
  }

  override write(rollout: Rollout): void {
    this.#executioner.do(() => {
      super.write(rollout);
    });
  }

  override chainOf({ slot: of, salt }: Pick<Rollout, 'slot' | 'salt'>): VerdictChain {
    const chain = new WatchedChain(this.#keyFolder, of, salt);
    chain.executioner = this.#executioner;
    return chain;
  }
}

/** All that devices say in the step of a rollout, as the broker keeps it: equal models everywhere. */
function sayAll(rollout: Rollout, policy: Policy, listener: DeviceListener): void {
  const { champion, challenger, salt, step, exposures, status } = rollout;
  const name = experimentName(fromHex(salt));
  const referTo = (of: Rollout['champion']) => ({ ...of, manifest: fromHex(of.manifest) });
  for (const { deviceId } of roster) {
    const isServed =
      step !== shadowStep &&
      isExposed(name, deviceId, exposures[step] ?? everyone) &&
      status === 'running';
    const key = createSeededKey(deviceId);
    const state = {
      agent: '1.0.0',
      boot: 1,
      labels: {},
      key: Buffer.from(key.publicKey).toString('hex'),
      slots: new Map([
        [
          slot,
          {
            current: isServed ? challenger.sequence : champion.sequence,
            previous: undefined,
            candidate: undefined,
            release: undefined,
            phase: undefined,
            code: undefined,
            reason: undefined,
            remedy: undefined,
          },
        ],
      ]),
    };
    const evidence = evidenceOf(deviceId, {
      champion: referTo(champion),
      challenger: referTo(challenger),
      salt: fromHex(salt),
      revision: 1 + policy.version,
      shadow: blocks(80, [0, 0]),
      served: isServed ? blocks(60, [0, 0], { served: 1, policy: policy.version }) : [],
    });
    const envelope = sealSign1('evidence', key.kid, encodeEvidence(evidence), (bytes) =>
      key.sign(bytes),
    );
    listener(deviceId, { channel: 'state', message: state }, true);
    listener(deviceId, { channel: 'evidence', slot, envelope }, false);
  }
}

describe('A controller', function () {
  this.timeout(300_000);
  let world: World;
  let second: ReleaseFile;

  const begin = async (): Promise<void> => {
    world = await World.create();
    await world.publish(await world.workshop.build('vibration-v1', 1));
    second = await world.workshop.build('vibration-v2', 2);
  };
  beforeEach(begin);
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

  /** One life of a controller; gives whether it came to an end of the rollout. */
  const live = async (isFirst: boolean, executioner: Executioner): Promise<Rollout | undefined> => {
    const { time, broker, topics, keys } = world;
    const scheduler = time.createScheduler();
    const transport = broker.createTransport({ scheduler, spoolBytes: 1e6 });
    const connected = await world.carryThrough(connectBroker(transport, scheduler));
    const client: BrokerClient = {
      ...connected,
      publish: async (topic, payload) => {
        // Asynchronous as it is, what was sent may have arrived or not.
        await executioner.do(() => connected.publish(topic, payload));
      },
    };
    const keyFolder = path.join(world.folder, 'keys');
    const store = new WatchedStore(keyFolder, executioner);
    const requests = new RequestBox(keyFolder, slot);
    const publish = {
      client: connected,
      topics,
      keys,
      exclusively: async <T>(work: () => T | Promise<T>): Promise<T> => work(),
      crypto: createNodeCrypto(),
      randomBytes: (length: number) => new Uint8Array(length).fill(7),
      progress: () => undefined,
      notice: () => undefined,
    };
    const tools = { ...publish, wallMs: time.wallMs() };
    const patient = { ...plan, reportMs: 1_000, stepSoakMs: 1_000, bakeMs: 2_000, holdout: 500 };
    const rollout = await world.carryThrough(
      isFirst
        ? beginRollout(
            {
              release: second,
              plan: patient,
              roster,
              store: new RolloutStore(keyFolder),
              requests,
            },
            tools,
          )
        : resumeRollout(slot, store, tools),
    );
    let listener: DeviceListener = () => undefined;
    const running = runRollout(rollout, {
      publish: { ...publish, client },
      store,
      requests,
      keyring: new TransientKeyring(),
      scheduler,
      now: () => time.wallMs(),
      monotonicMs: () => time.monotonicMs(),
      listen: (heard) => {
        listener = heard;
        return () => undefined;
      },
      enrolled: () => roster,
      hear: () => undefined,
      decided: () => undefined,
      progress: (now) => {
        // Devices hear of a step by the beacon.
        if (announced() === standing().version) sayAll(now, standing(), listener);
      },
      signal: new AbortController().signal,
    });
    try {
      return await world.carryThrough(running);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      return undefined;
    } finally {
      scheduler.stop();
    }
  };

  /** The next life. Where all is decided and published it has nothing to do. */
  const goOn = async (): Promise<void> => {
    try {
      await live(false, new Executioner(Infinity, 'before'));
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'rollout-over') throw error;
    }
  };

  const assertWhole = (): void => {
    const store = new RolloutStore(path.join(world.folder, 'keys'));
    const rollout = store.read(slot);
    assert.equal(rollout.status, 'promoted');
    const chain = store.chainOf(rollout);
    const replayed = replayVerdicts(rollout, (number) => chain.read(number));
    assert.deepEqual(
      replayed.map(({ finding, verdict }) => [finding, verdict?.action]),
      [
        ['agrees', 'advance'],
        ['agrees', 'advance'],
        ['agrees', 'advance'],
        ['agrees', 'promote'],
      ],
    );
    const { promoted, arms, champion, version } = standing();
    assert.deepEqual([promoted, arms, champion.sequence], [2, [], 2]);
    assert.equal(announced(), version);
  };

  let writes = 0;
  it('that lives comes to a promotion over two steps and a bake', async () => {
    const never = new Executioner(Infinity, 'before');
    assert.equal((await live(true, never))?.status, 'promoted');
    assertWhole();
    writes = never.writes;
    assert.ok(writes >= 15, String(writes));
  });

  const fates: readonly (readonly [Fate, string])[] = [
    ['before', 'that is killed before'],
    ['after', 'that is killed after'],
    ['refused', 'whose disk or broker refuses'],
  ];
  for (const [fate, sentence] of fates) {
    it(`${sentence} any one of its writes goes on with the same chain of verdicts in its next life`, async () => {
      for (let at = 1; at <= writes; at++) {
        const first = await live(true, new Executioner(at, fate));
        if (first === undefined) await goOn();
        assertWhole();
        world.end();
        await begin();
      }
    });
  }
});
