import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { takeTurns } from '../../operator/keys/folder-turn.js';
import { connectBroker } from '../../operator/publish/broker-client.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { beginRollout } from '../../operator/rollout/begin-rollout.js';
import { openFleetEars } from '../../operator/rollout/fleet-ears.js';
import { RequestBox } from '../../operator/rollout/requests.js';
import { RolloutStore } from '../../operator/rollout/rollout-store.js';
import { isOver, type Rollout, type RolloutPlan } from '../../operator/rollout/rollout.js';
import { runRollout } from '../../operator/rollout/run-rollout.js';
import { TransientKeyring } from '../../operator/rollout/keyring.js';
import { replayVerdicts, type ReplayedVerdict } from '../../operator/rollout/replay.js';
import type { VerdictRecord } from '../../operator/rollout/verdict-record.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import type { InferenceFault } from '../../simulator/ports/faulty-engine.js';
import { Prng } from '../../simulator/prng.js';
import type { Condition } from '../../simulator/signals/condition.js';
import { environments, type EnvironmentName } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import type { WorldDevice } from './world-device.js';
import { slot } from './world-slot.js';
import type { World } from './world.js';

export interface ControlledFleetOptions {
  readonly devices: number;
  readonly environment: EnvironmentName;
  readonly conditionOf: (i: number) => Condition;
  /** Whether somebody finds out each second what is true of each window. */
  readonly labels?: boolean;
}

/** The golden vectors of a release are inferences too, before it answers anything. */
const goldenVectors = 4;

/** A fleet of a {@link World}, and the real controller of its rollouts in the time of that world. */
export class ControlledFleet {
  readonly devices: WorldDevice[] = [];
  /** What becomes of the inferences of releases that came after the champion; a test exchanges it. */
  challengerFault: (device: number, inference: number, handle: number) => InferenceFault = () =>
    'none';
  /** Verdicts that something was done about. */
  readonly verdicts: VerdictRecord[] = [];
  readonly requests: RequestBox;
  readonly #world: World;
  readonly #store: RolloutStore;
  readonly #champions: number[] = [];
  readonly #truth = new Map<string, Condition>();
  readonly #labels: boolean;
  readonly #environment: EnvironmentName;
  #heard = 0;

  constructor(
    world: World,
    { devices, environment, conditionOf, labels = true }: ControlledFleetOptions,
  ) {
    this.#world = world;
    this.#labels = labels;
    const { files, keyFolder } = world;
    this.#store = new RolloutStore(files, keyFolder);
    this.requests = new RequestBox(files, keyFolder, slot);
    this.#environment = environment;
    for (let i = 0; i < devices; i++) this.#create(conditionOf(i));
  }

  /** What the controller has decided and written down. */
  get rollout(): Rollout {
    return this.#store.read(slot);
  }

  /** A device is enrolled and switched on while a rollout goes on. */
  join(condition: Condition): WorldDevice {
    const device = this.#create(condition);
    device.start();
    return device;
  }

  /** Devices by the release that is current there. */
  serving(sequence: number): number {
    return this.devices.filter(({ state }) => state.current === sequence).length;
  }

  /** Switches all devices on and lets them run the champion. */
  async settle(champion: ReleaseFile): Promise<void> {
    await this.#world.publish(champion);
    for (const device of this.devices) device.start();
    await this.#world.time.advance(5_000);
    for (const { engine } of this.devices) this.#champions.push(Math.max(...engine.loaded));
  }

  /**
   * Begins a rollout and runs its controller until it is over. Throws where that takes longer than `mostMs`.
   *
   * @param during called once a second of the world's time
   */
  async rollOut(
    release: ReleaseFile,
    plan: RolloutPlan,
    mostMs: number,
    during: () => void = () => undefined,
  ): Promise<Rollout> {
    const { time } = this.#world;
    const ending = new AbortController();
    let over = false;
    const running = this.#control(release, plan, ending.signal).finally(() => {
      over = true;
    });
    // Whoever waits for it gets it below.
    running.catch(() => undefined);
    for (let waitedMs = 0; waitedMs < mostMs && !over; waitedMs += 1_000) {
      await time.advance(1_000);
      if (this.#labels) this.#tellTruth();
      during();
    }
    ending.abort();
    await time.advance(1_000);
    const rollout = await running;
    if (isOver(rollout)) return rollout;
    throw new Error(`it is not over: ${rollout.look?.reason ?? ''}`);
  }

  /** Derives the verdicts of the last rollout again. */
  replay(): readonly ReplayedVerdict[] {
    const chain = this.#store.chainOf(this.rollout);
    return replayVerdicts(this.rollout, (number) => chain.read(number));
  }

  #create(condition: Condition): WorldDevice {
    const i = this.devices.length;
    let inferences = 0;
    const deviceId = `press-${i + 1}`;
    this.#truth.set(deviceId, condition);
    const device = this.#world.createDevice({
      deviceId,
      labelsTopic: `truth/${deviceId}`,
      signal: new VibrationSignal(
        environments[this.#environment],
        condition,
        Prng.fromSeed(1).fork(i),
      ),
      beforeInference: (handle) => {
        const champion = this.#champions[i];
        if (champion === undefined || handle <= champion) return 'none';
        return ++inferences > goldenVectors ? this.challengerFault(i, inferences, handle) : 'none';
      },
    });
    this.devices.push(device);
    return device;
  }

  /** Labels the windows whose results have come since the last time. */
  #tellTruth(): void {
    const { messages, topics, broker } = this.#world;
    for (const { topic, payload } of messages.slice(this.#heard)) {
      const { deviceId = '', channel } = topics.parseDevice(topic) ?? {};
      if (channel !== 'results') continue;
      const { boot, window } = JSON.parse(new TextDecoder().decode(payload)) as ResultMessage;
      const label = { boot, window, label: this.#truth.get(deviceId) };
      broker.publish({
        topic: `truth/${deviceId}`,
        payload: new TextEncoder().encode(JSON.stringify(label)),
        retained: false,
      });
    }
    this.#heard = messages.length;
  }

  async #control(release: ReleaseFile, plan: RolloutPlan, signal: AbortSignal): Promise<Rollout> {
    const { time, broker, topics, keys, locks, keyFolder } = this.#world;
    const scheduler = time.createScheduler();
    const [operator, listener] = [1, 2].map(() =>
      broker.createTransport({ scheduler, spoolBytes: 1e6 }),
    );
    if (operator === undefined || listener === undefined) throw new Error('there are two');
    const client = await connectBroker(operator, scheduler);
    const publish = {
      client,
      topics,
      keys,
      exclusively: takeTurns(locks.createProcess().tryLock, keyFolder, scheduler),
      crypto: createNodeCrypto(),
      randomBytes: (length: number) => new Uint8Array(length),
      progress: () => undefined,
      notice: () => undefined,
    };
    const deviceIds = this.devices.map(({ deviceId }) => deviceId);
    const roster = deviceIds.map((deviceId) => ({ deviceId, stratum: undefined }));
    const [store, requests] = [this.#store, this.requests];
    const begun = await beginRollout(
      { release, plan, roster, store, requests },
      { ...publish, wallMs: time.wallMs() },
    );
    const ears = await openFleetEars(
      listener,
      topics,
      { deviceIds, slot },
      scheduler,
      () => undefined,
    );
    try {
      return await runRollout(begun, {
        publish,
        store,
        requests,
        keyring: new TransientKeyring(),
        scheduler,
        now: () => time.wallMs(),
        monotonicMs: () => time.monotonicMs(),
        listen: (heard) => ears.listen(heard),
        enrolled: () => this.devices.map(({ deviceId }) => ({ deviceId, stratum: undefined })),
        hear: (added) => {
          ears.add(added);
        },
        decided: (_, verdict) => {
          this.verdicts.push(verdict);
        },
        progress: () => undefined,
        signal,
      });
    } finally {
      await client.close();
      await listener.close(0);
    }
  }
}
