import assert from 'node:assert/strict';
import { expectOk } from '../../protocol/coded-error.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { parseBeacon, type Beacon } from '../../protocol/documents/beacon.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { defaultPlanTerms, type RolloutPlan } from '../../operator/rollout/rollout.js';
import { conditions } from '../../simulator/signals/condition.js';
import { ControlledFleet, type ControlledFleetOptions } from './controlled-fleet.js';
import { World } from './world.js';
import type { WorldDevice } from './world-device.js';

const minuteMs = 60_000;

const plan: RolloutPlan = {
  shadow: { windows: 40, budgetPermille: 1000 },
  terms: { ...defaultPlanTerms, blockWindows: 5 },
  exposures: [5_000, 10_000],
  turnWindows: 0,
  bakeMs: 0,
  holdout: 0,
  trial: { soakMs: 0, inferences: 2 },
  reportMs: minuteMs,
  stepSoakMs: 0,
  horizonMs: 60 * minuteMs,
};

/** As many machines of each condition as there were in the laboratory. */
const mixed = (i: number) => conditions[i % conditions.length] ?? 'normal';

describe('A rollout to real devices in simulated time', function () {
  this.timeout(300_000);
  let world: World;
  let first: ReleaseFile;
  let fleet: ControlledFleet;

  const settled = async (options: Partial<ControlledFleetOptions> = {}): Promise<void> => {
    fleet = new ControlledFleet(world, {
      devices: 12,
      environment: 'field',
      conditionOf: mixed,
      ...options,
    });
    await fleet.settle(first);
    assert.equal(fleet.serving(1), fleet.devices.length);
  };

  beforeEach(async () => {
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
  });
  afterEach(() => {
    world.end();
  });

  /** What was done, and in which step. */
  const actions = (): readonly string[] =>
    fleet.verdicts.map(({ action, inputs }) => `${inputs.step} ${action} by ${inputs.by}`);

  const assertReplays = (): void => {
    const replayed = fleet.replay();
    assert.equal(replayed.length, fleet.verdicts.length);
    assert.deepEqual(
      replayed.map(({ finding }) => finding),
      replayed.map(() => 'agrees'),
    );
  };

  /** Every device has answered every window, and is on the champion with nothing beside it. */
  const assertBack = async (champion = 1): Promise<void> => {
    await world.time.advance(10_000);
    for (const device of fleet.devices) {
      assert.equal(device.state.current, champion, device.story.join('\n'));
      assert.equal(device.results.at(-1)?.sequence, champion, device.story.join('\n'));
      assert.equal(device.results.length, device.bursts);
      assert.equal(device.engine.loaded.size, 1);
    }
  };

  it('promotes what is no worse on the same windows, step by step, and misses no answer', async () => {
    await settled();
    const second = await world.workshop.build('vibration-v2', 2);
    const { status, minBlocks } = await fleet.rollOut(second, plan, 40 * minuteMs);
    assert.equal(status, 'promoted');
    assert.deepEqual(actions(), [
      '-1 advance by controller',
      '0 advance by controller',
      '1 promote by controller',
    ]);
    assert.ok(minBlocks >= 3);
    assertReplays();
    await world.time.advance(5_000);
    // Whoever is certainly worse off with it stays with the champion, and says so.
    const aside = fleet.devices.filter(({ story }) => story.includes('2 stepped-aside'));
    assert.equal(fleet.serving(2), fleet.devices.length - aside.length);
    assert.ok(aside.length <= 1, String(aside.length));
    for (const device of fleet.devices) assert.equal(device.results.length, device.bursts);
  });

  it('lets a device go back by itself that loses by a release after everyone is served, while the rest is watched', async () => {
    await settled({ devices: 6, environment: 'laboratory' });
    const second = await world.workshop.build('vibration-v2', 2);
    const baked = { ...plan, bakeMs: 20 * minuteMs };
    const [victim] = fleet.devices;
    assert.ok(victim !== undefined);
    let bad = false;
    fleet.challengerFault = (i, _, handle) => {
      if (i !== 0 || !bad) return 'none';
      // The release that serves, and not the champion beside it.
      return handle < Math.max(...victim.engine.loaded) ? 'garbled' : 'none';
    };
    const { status } = await fleet.rollOut(second, baked, 90 * minuteMs, () => {
      bad = fleet.rollout.step === 2;
    });
    assert.equal(status, 'promoted');
    assert.equal(actions().at(-1), '2 promote by controller');
    await world.time.advance(5_000);
    assert.ok(victim.story.includes('2 stepped-aside'), victim.story.join('\n'));
    assert.equal(victim.state.current, 1);
    assert.equal(fleet.serving(2), 5);
    assertReplays();
    for (const device of fleet.devices) assert.equal(device.results.length, device.bursts);
  });

  it('promotes what is no worse in turns, and aborts in the first step what is worse only when it answers', async () => {
    for (const isBad of [false, true]) {
      await settled({ devices: 6, environment: 'laboratory' });
      const second = await world.workshop.build('vibration-v2', 2);
      const turns: RolloutPlan = { ...plan, turnWindows: 20, horizonMs: 120 * minuteMs };
      fleet.challengerFault = (i) => {
        const { step } = fleet.rollout;
        const { record, engine } = fleet.devices[i] ?? {};
        // Alone: the champion is loaded while the challenger still answers.
        const answers = record?.current?.sequence === 2 && engine?.loaded.size === 1;
        return isBad && step >= 0 && answers ? 'garbled' : 'none';
      };
      const { status } = await fleet.rollOut(second, turns, 120 * minuteMs);
      assert.equal(status, isBad ? 'aborted' : 'promoted');
      assert.equal(actions()[1], isBad ? '0 abort by controller' : '0 advance by controller');
      assertReplays();
      world.end();
      world = await World.create();
      first = await world.workshop.build('vibration-v1', 1);
    }
  });

  it('serves a device that was enrolled while it went on, once it has compared as much as the others', async () => {
    await settled({ devices: 6, environment: 'laboratory' });
    const second = await world.workshop.build('vibration-v2', 2);
    let newcomer: WorldDevice | undefined;
    const { status, joined } = await fleet.rollOut(
      second,
      { ...plan, stepSoakMs: 4 * minuteMs },
      90 * minuteMs,
      () => {
        if (fleet.rollout.step === 0) newcomer ??= fleet.join('normal');
      },
    );
    assert.equal(status, 'promoted');
    assert.deepEqual(joined, [newcomer?.deviceId]);
    const last = fleet.verdicts.at(-1);
    assert.ok(last?.evidence.step?.served.includes(newcomer?.deviceId ?? ''));
    await world.time.advance(5_000);
    assert.equal(newcomer?.state.current, 2);
    assertReplays();
  });

  it('aborts the model that knows nothing but the laboratory, before anybody is served by it', async () => {
    await settled();
    const third = await world.workshop.build('vibration-v3', 2);
    const { status } = await fleet.rollOut(third, plan, 40 * minuteMs);
    assert.equal(status, 'aborted');
    assert.deepEqual(actions(), ['-1 abort by controller']);
    assert.equal(fleet.verdicts[0]?.judgement.guardrail, 'mean-loss');
    assertReplays();
    await assertBack();
    assert.ok(
      fleet.devices.every(({ results }) => results.every(({ sequence }) => sequence === 1)),
    );
  });

  it('is held at the horizon where nobody labels, says how many disagreements wait, and is given up after as long again', async () => {
    await settled({ labels: false });
    const second = await world.workshop.build('vibration-v2', 2);
    const { status } = await fleet.rollOut(
      second,
      { ...plan, horizonMs: 5 * minuteMs },
      40 * minuteMs,
    );
    assert.equal(status, 'aborted');
    assert.deepEqual(actions(), ['-1 hold by controller', '-1 revert by controller']);
    const [held] = fleet.verdicts;
    assert.match(held?.judgement.reason ?? '', /no true label has come from any device: \d+ disag/);
    const [heldMs, revertedMs] = fleet.verdicts.map(({ inputs }) => inputs.elapsedMs);
    assert.ok(heldMs !== undefined && heldMs >= 5 * minuteMs && heldMs < 5 * minuteMs + 1_000);
    assert.ok(revertedMs !== undefined && revertedMs >= 10 * minuteMs);
    assertReplays();
    await assertBack();
  });

  it('is not moved by a wall clock that jumps three days ahead between two looks', async () => {
    await settled({ labels: false, devices: 3 });
    const second = await world.workshop.build('vibration-v2', 2);
    let jumped = false;
    const running = fleet.rollOut(second, plan, 4 * minuteMs, () => {
      if (!jumped) world.time.jumpWall(3 * 86_400_000);
      jumped = true;
    });
    await assert.rejects(running, /not over/);
    assert.deepEqual(actions(), []);
  });

  it('promotes without any label where the two hardly ever differ', async () => {
    await settled({ labels: false });
    const second = await world.workshop.build('vibration-v1', 2);
    const health: RolloutPlan = { ...plan, terms: { ...plan.terms, evidence: 'health' } };
    const { status } = await fleet.rollOut(second, health, 60 * minuteMs);
    assert.equal(status, 'promoted');
    assertReplays();
  });

  it('takes devices back that are in the middle of their trials when it is given up', async () => {
    await settled({ environment: 'laboratory' });
    const second = await world.workshop.build('vibration-v2', 2);
    const endless = {
      ...plan,
      trial: { soakMs: 0, inferences: 100_000 },
      horizonMs: 8 * minuteMs,
    };
    await fleet.rollOut(second, endless, 40 * minuteMs);
    assert.deepEqual(actions(), [
      '-1 advance by controller',
      '0 hold by controller',
      '0 revert by controller',
    ]);
    assertReplays();
    await assertBack();
  });

  /** What a step serves of a larger fleet; found by the record of each device, because states are long to look up. */
  const ramp: RolloutPlan = { ...plan, exposures: [2_500, 10_000], horizonMs: 20 * minuteMs };
  const served = (device: WorldDevice): boolean => device.record?.current?.sequence === 2;

  it('is aborted in the first step where every device that it serves loses its power for good', async () => {
    await settled({ devices: 36, environment: 'laboratory' });
    const second = await world.workshop.build('vibration-v2', 2);
    const killed = new Set<WorldDevice>();
    const { status } = await fleet.rollOut(second, ramp, 30 * minuteMs, () => {
      for (const device of fleet.devices) {
        if (killed.has(device) || !served(device)) continue;
        killed.add(device);
        device.losePower();
      }
    });
    assert.equal(status, 'aborted');
    assert.deepEqual(actions(), ['-1 advance by controller', '0 abort by controller']);
    assert.match(fleet.verdicts[1]?.judgement.reason ?? '', /silent/);
    assert.ok(killed.size > 0 && killed.size <= 14, String(killed.size));
    assertReplays();
  });

  it('is aborted in the first step where the challenger answers otherwise as soon as it serves', async () => {
    await settled({ devices: 24, environment: 'laboratory' });
    const second = await world.workshop.build('vibration-v2', 2);
    // What is loaded after the commit is the champion, which compares.
    const serving = new Map<number, number>();
    fleet.challengerFault = (i, _, handle) =>
      handle <= (serving.get(i) ?? 0) ? 'garbled' : 'none';
    const { status } = await fleet.rollOut(second, ramp, 30 * minuteMs, () => {
      for (const [i, device] of fleet.devices.entries()) {
        if (!serving.has(i) && served(device))
          serving.set(i, Math.max(...device.engine.loaded) - 1);
      }
    });
    assert.equal(status, 'aborted');
    assert.deepEqual(actions(), ['-1 advance by controller', '0 abort by controller']);
    assertReplays();
    fleet.challengerFault = () => 'none';
    await assertBack();
  });

  it('does not begin where only one of the two releases names its classes', async () => {
    await settled({ devices: 1 });
    const second = await world.workshop.build('vibration-v2', 2);
    const artifacts = second.manifest.artifacts.filter(({ role }) => role !== 'labels');
    const unnamed = world.withManifest(second, { artifacts });
    await assert.rejects(fleet.rollOut(unnamed, plan, minuteMs), { code: 'classes-differ' });
  });

  it('does not begin where the two releases know other classes, and does where only their order differs', async () => {
    await settled({ devices: 1, labels: false });
    const second = await world.workshop.build('vibration-v2', 2);
    const named = (change: (names: string) => string): ReleaseFile =>
      world.withArtifacts(
        second,
        second.artifacts.map((bytes, i) =>
          second.manifest.artifacts[i]?.role === 'labels'
            ? new TextEncoder().encode(change(new TextDecoder().decode(bytes)))
            : bytes,
        ),
      );
    const differ = { code: 'classes-differ' };
    const another = named((names) => names.replace('normal', 'Normal'));
    await assert.rejects(fleet.rollOut(another, plan, minuteMs), differ);
    const more = named((names) => `${names}unknown\n`);
    await assert.rejects(fleet.rollOut(more, plan, minuteMs), differ);
    const less = named((names) => names.replace(/^.*\n/, ''));
    await assert.rejects(fleet.rollOut(less, plan, minuteMs), differ);
    const reordered = named((names) => `${names.trim().split('\n').reverse().join('\n')}\n`);
    await assert.rejects(fleet.rollOut(reordered, plan, minuteMs), /not over/);
  });

  it('renews the beacon before half of its validity is over', async () => {
    await settled({ devices: 1, labels: false });
    const beacon = (): Beacon => {
      const bytes = world.broker.retained.get(world.topics.beacon()) ?? new Uint8Array();
      return expectOk(parseBeacon(expectOk(openSign1(bytes, 'beacon')).payload));
    };
    const dayMs = 86_400_000;
    const issued = new Map<number, number>();
    let minute = 0;
    const second = await world.workshop.build('vibration-v2', 2);
    // Nobody tells the truth, so that nothing is decided.
    const patient: RolloutPlan = { ...plan, horizonMs: 30 * dayMs };
    const running = fleet.rollOut(second, patient, 6 * minuteMs, () => {
      const { counter, issued: s, expires } = beacon();
      issued.set(counter, s * 1000);
      assert.ok(world.time.wallMs() < (s + expires) * 500 + 2 * minuteMs);
      if (++minute % 60 === 59) world.time.jumpWall(5 * dayMs);
    });
    await assert.rejects(running, /not over/);
    const times = [...issued.values()].sort((a, b) => a - b);
    const [first = 0, ...later] = times.slice(-2);
    assert.ok(times.length >= 2 && (later[0] ?? 0) - first >= 14 * dayMs, String(times));
  });

  /** Rolls a release out until it is current somewhere, and aborts it as a person does. */
  const abortInTheRamp = async (challenger: ReleaseFile): Promise<void> => {
    let served = 0;
    const patient = { ...plan, stepSoakMs: 5 * minuteMs };
    await fleet.rollOut(challenger, patient, 60 * minuteMs, () => {
      if (served > 0 || fleet.rollout.step !== 0) return;
      served = fleet.devices.filter(
        ({ record }) => record?.current?.sequence === challenger.manifest.sequence,
      ).length;
      if (served > 0) fleet.requests.put('abort');
    });
    assert.deepEqual(actions(), ['-1 advance by controller', '0 abort by operator']);
    assert.ok(served > 0 && served < fleet.devices.length, `${served} devices`);
  };

  for (const [what, model] of [
    ['another model', 'vibration-v2'],
    ['the model that runs already, under a later number', 'vibration-v1'],
  ] as const) {
    it(`takes devices back where a person aborts it in the ramp, and the challenger is ${what}`, async () => {
      await settled({ environment: 'laboratory' });
      await abortInTheRamp(await world.workshop.build(model, 2));
      await assertBack();
    });
  }
});
