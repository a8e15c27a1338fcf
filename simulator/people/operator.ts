import { MqttTransport } from '../../agent/adapters/mqtt/transport.js';
import type { Clock } from '../../agent/ports/clock.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import type { Transport } from '../../agent/ports/transport.js';
import { answerWants, type Supplies } from '../../operator/publish/answer-wants.js';
import { renewBeacon } from '../../operator/publish/publish-policy.js';
import { publishRelease } from '../../operator/publish/publish-release.js';
import type { PublishTools } from '../../operator/publish/publish-tools.js';
import { beginRollout, resumeRollout } from '../../operator/rollout/begin-rollout.js';
import type { Keyring } from '../../operator/rollout/keyring.js';
import type { RolloutRequest } from '../../operator/rollout/requests.js';
import type { Rollout, RolloutDevice, RolloutPlan } from '../../operator/rollout/rollout.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { TrialTerms } from '../../protocol/documents/policy.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { limits } from '../../protocol/limits.js';
import type { Topics } from '../../protocol/topics.js';
import { sessionsOver } from '../broker/client-session.js';
import type { Network } from '../broker/network.js';
import type { Prng } from '../prng.js';
import { ProcessLife, type Fate } from '../ports/process-life.js';
import type { Lane } from '../time/lane.js';
import { catchUp, controlRollout, type RolloutWatch } from './control-rollout.js';
import {
  startProcess,
  withTools,
  type OperatorDisk,
  type OperatorProcess,
} from './operator-process.js';

/** The world of the person who operates a fleet. */
export interface OperatorWorld {
  readonly lane: Lane;
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly prng: Prng;
  readonly topics: Topics;
  readonly disk: OperatorDisk;
  readonly slot: string;
  readonly keyring: Keyring;
  /** A link of its own for each client of the operator. */
  readonly createNetwork: () => Network;
  readonly enrolled: () => readonly RolloutDevice[];
  /** Called with each report that a controller has heard. */
  readonly heardReport: (deviceId: string, payload: Uint8Array) => void;
  /** Called with what a person would be told. */
  readonly notice: (message: string) => void;
}

const spoolBytes = 8_388_608;

/** The operator's commands as they are, in virtual time: what they publish, and the controller of rollouts. */
export class SimulatedOperator {
  readonly #world: OperatorWorld;
  readonly #published: ReleaseFile[] = [];
  readonly #networks: Network[] = [];
  #clients = 0;
  #repairs: Transport | undefined;
  #controllers = 0;
  readonly #lives = new Set<ProcessLife>();
  /** The process that runs a rollout now. */
  #controller: ProcessLife | undefined;
  /** What is to become of the next one. */
  #doom: Parameters<ProcessLife['doom']> | undefined;
  #takesOver = false;

  constructor(world: OperatorWorld) {
    this.#world = world;
  }

  /** Whether a controller of a rollout listens to the fleet. */
  get listens(): boolean {
    return this.#controllers > 0;
  }

  /** `tinylamp publish`: everyone is to run it. */
  publish(release: ReleaseFile, trial: TrialTerms): Promise<void> {
    this.#supply(release);
    return this.#run(new ProcessLife(), async (_, tools) => {
      await publishRelease(release, tools, trial);
    });
  }

  /** `tinylamp beacon renew`. */
  renewBeacon(): Promise<void> {
    return this.#run(new ProcessLife(), async (_, tools) => {
      await renewBeacon(tools);
    });
  }

  /**
   * `tinylamp rollout start`: fulfils when the rollout is over, and never where the controller is killed. Called again it goes on
   * with what is on disk, as whoever starts a controller again does.
   */
  rollOut(release: ReleaseFile, plan: RolloutPlan, watch: RolloutWatch): Promise<Rollout> {
    const { enrolled, slot } = this.#world;
    this.#supply(release);
    const life = new ProcessLife();
    if (this.#doom !== undefined) life.doom(...this.#doom);
    this.#doom = undefined;
    this.#controller = life;
    return this.#run(life, async (process, tools) => {
      const { store, requests } = process;
      const there = store.find(slot);
      let rollout: Rollout;
      if (there?.challenger.sequence === release.manifest.sequence) {
        catchUp(there, store, watch);
        try {
          rollout = await resumeRollout(slot, store, tools);
        } catch (error) {
          // All is decided, and devices know it.
          if (error instanceof CodedError && error.code === 'rollout-over') return there;
          throw error;
        }
      } else {
        const roster = enrolled();
        rollout = await beginRollout({ release, plan, roster, store, requests }, tools);
      }
      return controlRollout(rollout, { process, tools, watch }, this.#world, {
        transport: this.#createTransport(process.scheduler),
        listens: (by) => {
          this.#controllers += by;
        },
      });
    });
  }

  /** `tinylamp rollout pause`, and the like. */
  request(request: RolloutRequest): void {
    const { lane, disk, slot } = this.#world;
    startProcess(disk, slot, lane, new ProcessLife()).requests.put(request);
  }

  /** The next command has `--take-over`: it goes on from higher numbers that the same keys have signed. */
  takeOverNext(): void {
    this.#takesOver = true;
  }

  /** The controller is killed at one of its writes to files or broker, 1 the next; where there is none now, the next one is. */
  doom(fate: Fate, struck: () => void): void {
    const kill = (): void => {
      this.kill();
      struck();
    };
    if (this.#controller === undefined) this.#doom = [fate, kill];
    else this.#controller.doom(fate, kill);
  }

  /** All of the operator's processes are gone, without a word; what they wrote stays. */
  kill(): void {
    this.#world.lane.stop();
    for (const life of this.#lives) life.end();
    this.#lives.clear();
    for (const network of this.#networks.splice(0)) network.sever();
    this.#repairs = undefined;
    this.#controller = undefined;
    this.#controllers = 0;
  }

  /** Runs a process to its end. What one that was killed still comes to is nobody's. */
  async #run<T>(
    life: ProcessLife,
    work: (process: OperatorProcess, tools: PublishTools) => Promise<T>,
  ): Promise<T> {
    const { disk, slot, lane } = this.#world;
    const process = startProcess(disk, slot, lane, life);
    this.#lives.add(life);
    try {
      const transport = this.#createTransport(process.scheduler);
      const takeOver = this.#takesOver;
      this.#takesOver = false;
      const world = { ...this.#world, takeOver };
      return await withTools(process, transport, world, (tools) => work(process, tools));
    } catch (error) {
      // The last write of a killed process throws, and so does all that it still tries.
      if (life.isOver) return await new Promise<T>(() => undefined);
      throw error;
    } finally {
      this.#lives.delete(life);
      if (this.#controller === life) this.#controller = undefined;
    }
  }

  #createTransport(scheduler: Scheduler): Transport {
    const { lane, prng, createNetwork } = this.#world;
    const network = createNetwork();
    this.#networks.push(network);
    return new MqttTransport({
      urls: ['mqtt://broker'],
      protocol: 'auto',
      clientId: `operator-${++this.#clients}`,
      packetBytes: limits.packetBytes,
      spoolBytes,
      scheduler,
      entropy: prng,
      openSession: sessionsOver(network, lane),
    });
  }

  /** Devices that miss a block get it from what was published so far. */
  #supply(release: ReleaseFile): void {
    const { lane, topics, crypto, clock, notice } = this.#world;
    if (!this.#published.includes(release)) this.#published.push(release);
    void this.#repairs?.close(0);
    const supplies: Supplies = { releases: this.#published, manifests: [] };
    this.#repairs = this.#createTransport(lane);
    answerWants(this.#repairs, supplies, {
      topics,
      crypto,
      clock,
      answered: () => undefined,
      problem: ({ code, detail }) => {
        notice(`${code}: ${detail}`);
      },
    });
  }
}
