import { MqttTransport } from '../../agent/adapters/mqtt/transport.js';
import type { Clock } from '../../agent/ports/clock.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import type { Transport } from '../../agent/ports/transport.js';
import type { KeyFolder } from '../../operator/keys/key-folder.js';
import { answerWants, type Supplies } from '../../operator/publish/answer-wants.js';
import { connectBroker } from '../../operator/publish/broker-client.js';
import { renewBeacon } from '../../operator/publish/publish-policy.js';
import { publishRelease } from '../../operator/publish/publish-release.js';
import type { PublishTools } from '../../operator/publish/publish-tools.js';
import { beginRollout, resumeRollout } from '../../operator/rollout/begin-rollout.js';
import { openFleetEars } from '../../operator/rollout/fleet-ears.js';
import type { Keyring } from '../../operator/rollout/keyring.js';
import type { RequestBox, RolloutRequest } from '../../operator/rollout/requests.js';
import type { RolloutStore } from '../../operator/rollout/rollout-store.js';
import type { Rollout, RolloutDevice, RolloutPlan } from '../../operator/rollout/rollout.js';
import { runRollout } from '../../operator/rollout/run-rollout.js';
import type { VerdictRecord } from '../../operator/rollout/verdict-record.js';
import type { TrialTerms } from '../../protocol/documents/policy.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { limits } from '../../protocol/limits.js';
import type { Topics } from '../../protocol/topics.js';
import { sessionsOver } from '../broker/client-session.js';
import type { Network } from '../broker/network.js';
import type { Prng } from '../prng.js';
import type { Lane } from '../time/lane.js';

/** The world of the person who operates a fleet. */
export interface OperatorWorld {
  readonly lane: Lane;
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly prng: Prng;
  readonly topics: Topics;
  readonly keys: KeyFolder;
  readonly store: RolloutStore;
  readonly requests: RequestBox;
  readonly keyring: Keyring;
  /** A link of its own for each client of the operator. */
  readonly createNetwork: () => Network;
  readonly enrolled: () => readonly RolloutDevice[];
  /** Called with each report that a controller has heard. */
  readonly heardReport: (deviceId: string, payload: Uint8Array) => void;
  /** Called with what a person would be told. */
  readonly notice: (message: string) => void;
}

/** What is told of a rollout while its controller runs. */
export interface RolloutWatch {
  readonly progress: (rollout: Rollout) => void;
  readonly decided: (rollout: Rollout, verdict: VerdictRecord) => void;
}

const spoolBytes = 8_388_608;
const goodbyeMs = 2_000;

/** The operator's commands as they are, in virtual time: what they publish, and the controller of rollouts. */
export class SimulatedOperator {
  readonly #world: OperatorWorld;
  readonly #published: ReleaseFile[] = [];
  readonly #networks: Network[] = [];
  #clients = 0;
  #repairs: Transport | undefined;
  #controllers = 0;

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
    return this.#withTools(async (tools) => {
      await publishRelease(release, tools, trial);
    });
  }

  /** `tinylamp beacon renew`. */
  renewBeacon(): Promise<void> {
    return this.#withTools(async (tools) => {
      await renewBeacon(tools);
    });
  }

  /** `tinylamp rollout start`: fulfils when the rollout is over, and never where the controller is killed. */
  async rollOut(release: ReleaseFile, plan: RolloutPlan, watch: RolloutWatch): Promise<Rollout> {
    const { store, requests, enrolled } = this.#world;
    this.#supply(release);
    return this.#withTools(async (tools) => {
      const roster = enrolled();
      const begun = await beginRollout({ release, plan, roster, store, requests }, tools);
      return this.#control(begun, tools, watch);
    });
  }

  /** `tinylamp rollout start` without a release: goes on with the one that is there. */
  async resume(slot: string, watch: RolloutWatch): Promise<Rollout> {
    return this.#withTools(async (tools) =>
      this.#control(await resumeRollout(slot, this.#world.store, tools), tools, watch),
    );
  }

  /** `tinylamp rollout pause`, and the like. */
  request(request: RolloutRequest): void {
    this.#world.requests.put(request);
  }

  /** All of the operator's processes are gone, without a word; what they wrote stays. */
  kill(): void {
    this.#world.lane.stop();
    for (const network of this.#networks.splice(0)) network.sever();
    this.#repairs = undefined;
    this.#controllers = 0;
  }

  async #control(begun: Rollout, tools: PublishTools, watch: RolloutWatch): Promise<Rollout> {
    const { lane, clock, topics, store, requests, keyring, enrolled, notice } = this.#world;
    const { heardReport } = this.#world;
    const transport = this.#createTransport();
    const deviceIds = [...begun.roster, ...begun.enrolled].map(({ deviceId }) => deviceId);
    let isListening = false;
    try {
      const ears = await openFleetEars(
        transport,
        topics,
        { deviceIds, slot: begun.slot },
        lane,
        ({ code, detail }) => {
          notice(`${code}: ${detail}`);
        },
      );
      isListening = true;
      this.#controllers++;
      const ended = await runRollout(begun, {
        publish: tools,
        store,
        requests,
        keyring,
        scheduler: lane,
        now: () => clock.wallMs(),
        monotonicMs: () => clock.monotonicMs(),
        listen: (listener) =>
          ears.listen((deviceId, heard, isLive) => {
            if (heard.channel === 'report') heardReport(deviceId, heard.payload);
            listener(deviceId, heard, isLive);
          }),
        enrolled,
        hear: (added) => {
          ears.add(added);
        },
        decided: watch.decided,
        progress: watch.progress,
        signal: new AbortController().signal,
      });
      watch.progress(ended);
      return ended;
    } finally {
      if (isListening) this.#controllers--;
      await transport.close(goodbyeMs);
    }
  }

  async #withTools<T>(work: (tools: PublishTools) => Promise<T>): Promise<T> {
    const { lane, clock, crypto, prng, topics, keys, notice } = this.#world;
    const client = await connectBroker(this.#createTransport(), lane);
    try {
      return await work({
        client,
        topics,
        keys,
        // One operator, whose commands come one after the other.
        exclusively: async (work) => work(),
        crypto,
        wallMs: clock.wallMs(),
        randomBytes: (length) => Uint8Array.from({ length }, () => prng.below(256)),
        progress: () => undefined,
        notice,
      });
    } finally {
      await client.close();
    }
  }

  #createTransport(): Transport {
    const { lane, prng, createNetwork } = this.#world;
    const network = createNetwork();
    this.#networks.push(network);
    return new MqttTransport({
      urls: ['mqtt://broker'],
      protocol: 'auto',
      clientId: `operator-${++this.#clients}`,
      packetBytes: limits.packetBytes,
      spoolBytes,
      scheduler: lane,
      entropy: prng,
      openSession: sessionsOver(network, lane),
    });
  }

  /** Devices that miss a block get it from what was published so far. */
  #supply(release: ReleaseFile): void {
    const { topics, crypto, clock, notice } = this.#world;
    this.#published.push(release);
    void this.#repairs?.close(0);
    const supplies: Supplies = { releases: this.#published, manifests: [] };
    this.#repairs = this.#createTransport();
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
