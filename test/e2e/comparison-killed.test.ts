import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { RolloutStore } from '../../operator/rollout/rollout-store.js';
import type { VerdictRecord } from '../../operator/rollout/verdict-record.js';
import { toHex } from '../../protocol/bytes.js';
import type { Block, Evidence } from '../../protocol/messages/evidence.js';
import { environments } from '../../simulator/signals/environment.js';
import { startAgent, type AgentProcess } from '../helpers/agent-process.js';
import { program, runCommand } from '../helpers/command-line.js';
import { Journal } from '../helpers/journal.js';
import { startMosquitto, type Mosquitto } from '../helpers/mosquitto.js';
import { Onlooker } from '../helpers/onlooker.js';
import { requires } from '../helpers/requires.js';
import { WindowSender } from '../helpers/site.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';

const models = fileURLToPath(new URL('../../../simulator/demo/models/', import.meta.url));
const slot = 'vibration';
/** On this machine the demo's second model is right, and its third is wrong now and then: a third of the windows, not in bursts. */
const truth = 'imbalance';
const machine = 7;
/** Enough of each device for the verdict once the truth is known, and far from all that a device keeps. */
const blocksForVerdict = 15;

/** `tinylamp rollout start` in a process of its own, and the verdicts that it prints. */
interface Controller {
  readonly child: ChildProcess;
  readonly verdicts: Journal<VerdictRecord>;
  readonly exited: Promise<number | NodeJS.Signals | null>;
  readonly complaints: () => string;
}

/** A machine with a sensor, and the gateway on it. */
class Gateway {
  readonly deviceId: string;
  readonly onlooker: Onlooker;
  readonly #configFile: string;
  readonly #sender = new WindowSender(truth, machine, environments.field);
  #agent: AgentProcess;
  /** Windows that its sensor has sent. */
  sent = 0;
  #labelled = 0;

  constructor(deviceId: string, onlooker: Onlooker, configFile: string) {
    this.deviceId = deviceId;
    this.onlooker = onlooker;
    this.#configFile = configFile;
    this.#agent = startAgent(configFile);
  }

  send(): void {
    this.sent++;
    this.onlooker.publish(`sensors/${this.deviceId}`, this.#sender.next()).catch(() => undefined);
  }

  /** Says who was right on windows that the device has asked about since the last time, at most so many. */
  async tellTruth(most = Infinity): Promise<void> {
    const { entries } = this.onlooker.disagreements;
    const asked = entries.slice(this.#labelled, this.#labelled + most);
    this.#labelled += asked.length;
    for (const { boot, window } of asked) {
      const label = JSON.stringify({ boot, window, label: truth });
      await this.onlooker.publish(`truth/${this.deviceId}`, label);
    }
  }

  /** Evidence that fits, and that came after `from` others. */
  evidence(fits: (evidence: Evidence) => boolean, from = 0): Promise<Evidence> {
    return this.onlooker.evidence.find(fits, from);
  }

  /** Every window on which the two differ is told, and its label is in what is retained. */
  async isTold(): Promise<void> {
    for (;;) {
      await this.tellTruth();
      const asked = new Set(
        this.onlooker.disagreements.entries.map(({ boot, window }) => `${boot}/${window}`),
      );
      await this.evidence(({ totals }) => totals.labelled >= asked.size);
      if (this.onlooker.disagreements.length === this.#labelled) return;
    }
  }

  /** Kills the agent as a power cut does, and starts it on the same folder; what it had said, and what it says then. */
  async kill(): Promise<readonly [before: Evidence, after: Evidence]> {
    assert.equal(await this.#agent.end('SIGKILL'), 'SIGKILL', this.#agent.complaints());
    // What was on its way when it died has come once this has gone there and back.
    const { states, evidence } = this.onlooker;
    const lives = new Set(states.entries.map(({ boot }) => boot));
    this.#agent = startAgent(this.#configFile);
    await states.find(({ boot }) => !lives.has(boot));
    const before = evidence.entries.findLast(({ revision }) => revision > 0);
    assert.ok(before !== undefined, 'nothing was retained');
    const after = await evidence.find(({ revision }) => revision > before.revision);
    return [before, after];
  }

  async end(): Promise<void> {
    await this.#agent.end('SIGKILL');
    await this.onlooker.leave();
  }
}

/**
 * Real agents, a real broker, a real controller, and SIGKILL for each of them while a comparison is under way. Nothing waits
 * for time: sensors stand still, and labels are held back, wherever a verdict must not come yet.
 */
describe('a comparison whose agents and controller are killed', function () {
  this.timeout(300_000);
  let folder = '';
  let broker: Mosquitto;
  let sending: NodeJS.Timeout | undefined;
  let controller: Controller;
  const gateways: Gateway[] = [];
  const children: ChildProcess[] = [];

  const run = async (...words: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await runCommand(words, folder);
    assert.equal(exitCode, 0, `${words.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  };
  const where = (): readonly string[] => ['--broker', broker.url, '--keys', 'keys'];
  const startController = (...more: readonly string[]): Controller => {
    const words = ['rollout', 'start', '--json', '--slot', slot, ...where(), ...more];
    const child = spawn(process.execPath, [program, ...words], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    const verdicts = new Journal<VerdictRecord>('verdicts');
    createInterface({ input: child.stdout }).on('line', (line) => {
      verdicts.add(JSON.parse(line) as VerdictRecord);
    });
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
    const exited = once(child, 'close').then(
      ([code, signal]) => (code ?? signal) as number | NodeJS.Signals | null,
    );
    return { child, verdicts, exited, complaints: () => complaints };
  };
  /** The next verdict; where none comes for long, why. */
  const verdict = (): Promise<VerdictRecord> => {
    const next = (): Promise<VerdictRecord> => controller.verdicts.find(() => true);
    return next()
      .catch(next)
      .catch(async (cause: unknown) => {
        const standing = await run('rollout', 'status', '--slot', slot, '--keys', 'keys');
        throw new Error(standing + controller.complaints(), { cause });
      });
  };
  const killController = async (): Promise<void> => {
    controller.child.kill('SIGKILL');
    assert.equal(await controller.exited, 'SIGKILL', controller.complaints());
  };
  const runSensors = (): void => {
    sending = setInterval(() => {
      for (const gateway of gateways) gateway.send();
    }, 100);
  };
  const stopSensors = (): void => {
    clearInterval(sending);
  };
  const everywhere = (work: (gateway: Gateway) => Promise<unknown>): Promise<unknown> =>
    Promise.all(gateways.map(work));
  const gatewayOf = (i: number): Gateway => {
    const gateway = gateways[i];
    assert.ok(gateway !== undefined);
    return gateway;
  };

  before(async function () {
    requires(this, 'mosquitto');
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-killed-'));
    broker = await startMosquitto();
    await run('keys', 'new', 'keys');
    for (const model of ['vibration-v3', 'vibration-v2']) {
      await run(
        ...['release', 'build', path.join(models, `${model}.tflite`), '--slot', slot],
        ...['--labels', path.join(models, 'labels.txt'), '--keys', 'keys'],
        ...['--pipeline', path.join(models, 'pipeline.json'), '-o', `${model}.tinylamp`],
      );
    }
    for (const deviceId of ['press-1', 'press-2', 'press-3']) {
      await run('enrol', deviceId, '--keys', 'keys');
      const site = path.join(folder, deviceId);
      mkdirSync(site);
      writeFileSync(path.join(site, 'agent.yaml'), configurationOf(deviceId, broker.url));
      const onlooker = await Onlooker.of(broker.url, deviceId, slot);
      gateways.push(new Gateway(deviceId, onlooker, path.join(site, 'agent.yaml')));
    }
    runSensors();
    await run('publish', 'vibration-v3.tinylamp', ...where());
    await everywhere(({ onlooker }) => onlooker.events.find(({ event }) => event === 'committed'));
    controller = startController('vibration-v2.tinylamp', ...plan);
  });
  after(async () => {
    stopSensors();
    for (const child of children) child.kill('SIGKILL');
    for (const gateway of gateways) await gateway.end();
    await broker?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('goes on after an agent was killed, in the same life, with the blocks and labels that it had', async () => {
    const gateway = gatewayOf(0);
    await gateway.evidence(
      ({ totals, shadow }) => totals.unlabelled >= 5 && shadow.blocks.length >= 3,
    );
    await gateway.tellTruth(3);
    await gateway.evidence(({ totals }) => totals.labelled === 3);
    const [before, after] = await gateway.kill();
    assert.ok(before.shadow.blocks.length >= 3 && before.totals.labelled === 3);
    assertGoesOn(before, after, 'shadow');
    // Unlabelled differences count at their worst for either side.
    assert.equal(controller.verdicts.length, 0);
  });

  it('comes to its verdict after its controller was killed, from what is retained and labels of before', async () => {
    await everywhere((each) =>
      each.evidence(({ shadow }) => shadow.blocks.length >= blocksForVerdict),
    );
    await killController();
    stopSensors();
    await everywhere((each) => each.isTold());
    controller = startController();
    const { action, judgement } = await verdict();
    assert.deepEqual([action, judgement.verdict], ['advance', 'safe']);
    const store = new RolloutStore(createDiskFiles(), path.join(folder, 'keys'));
    const written = store.chainOf(store.read(slot)).read(1)?.text ?? '';
    const { sources } = JSON.parse(written) as VerdictRecord;
    assert.deepEqual(
      sources.map(({ id, life }) => [id, life]),
      gateways.map(({ deviceId, onlooker }) => [deviceId, lifeOf(onlooker)]),
    );
  });

  it('goes on after both were killed while the challenger serves, and is promoted', async () => {
    const gateway = gatewayOf(1);
    runSensors();
    await everywhere((each) => each.evidence(({ served }) => served.blocks.length >= 3));
    await killController();
    const [before, after] = await gateway.kill();
    assert.ok(before.service.serving);
    assertGoesOn(before, after, 'served');
    await everywhere((each) =>
      each.evidence(({ served }) => served.blocks.length >= blocksForVerdict),
    );
    stopSensors();
    await everywhere((each) => each.isTold());
    controller = startController();
    const { action, judgement } = await verdict();
    assert.deepEqual([action, judgement.verdict], ['promote', 'safe'], controller.complaints());
    assert.equal(await controller.exited, 0, controller.complaints());
  });

  it('has counted no window twice, and nothing that it published has gone back', () => {
    for (const { onlooker, sent, deviceId } of gateways) {
      const { entries } = onlooker.evidence;
      assert.equal(new Set(entries.map(({ life }) => toHex(life))).size, 1, deviceId);
      entries.slice(1).forEach((after, i) => {
        const before = entries[i];
        assert.ok(before !== undefined && after.revision > before.revision, deviceId);
        assert.ok(after.totals.windows >= before.totals.windows, deviceId);
        assert.ok(after.totals.labelled >= before.totals.labelled, deviceId);
      });
      assert.ok((entries.at(-1)?.totals.windows ?? Infinity) <= sent, deviceId);
    }
  });

  it('has verdicts that follow from their evidence, over all lives of its controller', async () => {
    const told = await run('rollout', 'replay', '--slot', slot, '--keys', 'keys');
    assert.match(told, /^agrees .*advance: safe.*\nagrees .*promote: safe/);
    assert.match(told, /2 verdicts, 0 do not follow/);
    const { status } = new RolloutStore(createDiskFiles(), path.join(folder, 'keys')).read(slot);
    assert.equal(status, 'promoted');
  });
});

/** The same life, a later revision, and each block that was retained, as it was. */
function assertGoesOn(before: Evidence, after: Evidence, list: 'shadow' | 'served'): void {
  assert.equal(toHex(after.life), toHex(before.life));
  assert.ok(after.revision > before.revision);
  const kept = (blocks: readonly Block[]): readonly Block[] =>
    blocks.slice(0, before[list].blocks.length);
  assert.deepEqual(kept(after[list].blocks), before[list].blocks);
  assert.ok(after.totals.windows >= before.totals.windows);
  assert.ok(after.totals.labelled >= before.totals.labelled);
}

function lifeOf({ evidence }: Onlooker): string {
  return toHex(evidence.entries.at(-1)?.life ?? new Uint8Array());
}

function configurationOf(deviceId: string, url: string): string {
  return `deviceId: ${deviceId}
stateDir: state
mqtt: {url: "${url}"}
trust: {keyset: ../keys/keyset.cbor}
telemetry: {schedule: "* * * * * *"}
slots:
  ${slot}:
    source: {type: mqtt, topic: sensors/${deviceId}, decode: json, fields: [/x, /y, /z]}
    truth: {type: mqtt, topic: truth/${deviceId}}
`;
}

/** Who is there is known after one report, and silent is who misses three: five seconds bear a machine with other things to do. */
const plan: readonly string[] = [
  ...['--exposures', '100', '--over', '0', '--period', '0.1', '--block', '5', '--report', '5'],
  ...['--budget', '1000', '--step-soak', '0', '--horizon', '600'],
];
