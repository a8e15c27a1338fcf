import assert from 'node:assert/strict';
import { expectOk } from '../../protocol/coded-error.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { parseBeacon, type Beacon } from '../../protocol/documents/beacon.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { replayVerdicts } from '../../operator/rollout/replay.js';
import type { RolloutPlan } from '../../operator/rollout/rollout.js';
import { conditions } from '../../simulator/signals/condition.js';
import { ControlledFleet, type ControlledFleetOptions } from './controlled-fleet.js';
import { World } from './world.js';

const minuteMs = 60_000;

const plan: RolloutPlan = {
  shadow: { windows: 20, budgetPermille: 1000 },
  evidence: 'health',
  labelledWindows: 20,
  exposures: [5_000, 10_000],
  trial: { soakMs: 0, inferences: 2 },
  stepSoakMs: 0,
  horizonMs: 10 * minuteMs,
  gate: { marginPermille: 50, harmPermille: 100, safePermille: 300, alphaPermille: 100 },
};

/** As many machines of each condition as there were in the laboratory. */
const mixed = (i: number) => conditions[i % conditions.length] ?? 'normal';

describe('A rollout to real devices in simulated time', function () {
  this.timeout(120_000);
  let world: World;
  let first: ReleaseFile;
  let fleet: ControlledFleet;

  const settled = async (options: Partial<ControlledFleetOptions> = {}): Promise<void> => {
    fleet = new ControlledFleet(world, {
      devices: 24,
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
    fleet.verdicts.map(({ action, inputs, by }) => `${inputs.step} ${action} by ${by}`);

  const assertReplays = (): void => {
    const replayed = replayVerdicts(fleet.rollout);
    assert.equal(replayed.length, fleet.verdicts.length);
    assert.ok(replayed.every(({ agrees }) => agrees));
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

  it('promotes by health what is as sure in the field as on its reference data', async () => {
    await settled();
    const second = await world.workshop.build('vibration-v2', 2);
    const { status } = await fleet.rollOut(second, plan, 10 * minuteMs);
    assert.equal(status, 'promoted');
    assert.deepEqual(actions(), [
      '-1 advance by controller',
      '0 advance by controller',
      '1 promote by controller',
    ]);
    assertReplays();
    await world.time.advance(5_000);
    assert.equal(fleet.serving(2), fleet.devices.length);
    for (const device of fleet.devices) assert.equal(device.results.length, device.bursts);
  });

  it('aborts by health the model that knows nothing but the laboratory, before anybody is served by it', async () => {
    await settled({ devices: 48 });
    const third = await world.workshop.build('vibration-v3', 2);
    const strict = { ...plan, gate: { ...plan.gate, harmPermille: 50 } };
    const { status } = await fleet.rollOut(third, strict, 10 * minuteMs);
    assert.equal(status, 'aborted');
    assert.deepEqual(actions(), ['-1 abort by controller']);
    assert.match(fleet.verdicts[0]?.judgement.reason ?? '', /^share of unsure devices is at least/);
    assertReplays();
    await assertBack();
    assert.ok(
      fleet.devices.every(({ results }) => results.every(({ sequence }) => sequence === 1)),
    );
  });

  it('aborts by health what answers otherwise than on its reference data', async () => {
    await settled();
    const second = await world.workshop.build('vibration-v2', 2);
    const reference = JSON.stringify({
      windows: 1000,
      answers: { normal: 1000 },
      confidence_histogram: [0, 0, 0, 0, 0, 0, 0, 0, 0, 1000],
    });
    const unlike = world.withArtifacts(
      second,
      second.artifacts.map((bytes, i) =>
        second.manifest.artifacts[i]?.role === 'reference'
          ? new TextEncoder().encode(reference)
          : bytes,
      ),
    );
    const { status } = await fleet.rollOut(unlike, plan, 10 * minuteMs);
    assert.equal(status, 'aborted');
    assert.deepEqual(actions(), ['-1 abort by controller']);
    assert.match(
      fleet.verdicts[0]?.judgement.reason ?? '',
      /^distance of the mix of answers from the reference is at least/,
    );
    assertReplays();
    await assertBack();
  });

  it('is held at the horizon where nobody labels, and given up after as long again', async () => {
    await settled();
    const second = await world.workshop.build('vibration-v2', 2);
    const labels: RolloutPlan = { ...plan, evidence: 'labels', horizonMs: minuteMs };
    const { status } = await fleet.rollOut(second, labels, 10 * minuteMs);
    assert.equal(status, 'aborted');
    assert.deepEqual(actions(), ['-1 hold by controller', '-1 revert by controller']);
    const [heldMs, revertedMs] = fleet.verdicts.map(({ inputs }) => inputs.elapsedMs);
    assert.ok(heldMs !== undefined && heldMs >= minuteMs && heldMs < minuteMs + 1_000);
    assert.ok(revertedMs !== undefined && revertedMs >= 2 * minuteMs);
    assertReplays();
    await assertBack();
  });

  it('takes devices back that are in the middle of their trials when it is given up', async () => {
    await settled();
    const second = await world.workshop.build('vibration-v2', 2);
    const endless = { ...plan, trial: { soakMs: 0, inferences: 100_000 }, horizonMs: minuteMs };
    await fleet.rollOut(second, endless, 10 * minuteMs);
    assert.deepEqual(actions(), [
      '-1 advance by controller',
      '0 hold by controller',
      '0 revert by controller',
    ]);
    const tried = fleet.devices.filter(({ results }) =>
      results.some(({ sequence }) => sequence === 2),
    );
    assert.equal(tried.length, fleet.verdicts.at(-1)?.inputs.expected);
    assertReplays();
    await assertBack();
  });

  it('aborts in the shadow what is late on many windows', async () => {
    await settled();
    const second = await world.workshop.build('vibration-v2', 2);
    fleet.challengerFault = (_, inference) =>
      inference % 6 === 0 ? { slowMs: 250, then: 'engine-deadline' } : 'none';
    const patient = { ...plan, shadow: { windows: 40, budgetPermille: 1000 } };
    const { status } = await fleet.rollOut(second, patient, 10 * minuteMs);
    assert.equal(status, 'aborted');
    assert.deepEqual(actions(), ['-1 abort by controller']);
    assert.match(
      fleet.verdicts[0]?.judgement.reason ?? '',
      /^share of devices where it is late is at least/,
    );
    assertReplays();
    await assertBack();
  });

  it('aborts in the ramp what is late there only', async () => {
    await settled();
    const second = await world.workshop.build('vibration-v2', 2);
    fleet.challengerFault = (device, inference) =>
      fleet.devices[device]?.record?.current?.sequence === 2 && inference % 10 === 0
        ? { slowMs: 250, then: 'engine-deadline' }
        : 'none';
    const patient = { ...plan, stepSoakMs: 5 * minuteMs };
    const { status } = await fleet.rollOut(second, patient, 10 * minuteMs);
    assert.equal(status, 'aborted');
    assert.deepEqual(actions(), ['-1 advance by controller', '0 abort by controller']);
    assert.match(
      fleet.verdicts[1]?.judgement.reason ?? '',
      /^rate of late answers beside that of the champion is at least/,
    );
    assertReplays();
    await assertBack();
  });

  it('renews the beacon before half of its validity is over', async () => {
    await settled({ devices: 1 });
    const beacon = (): Beacon => {
      const bytes = world.broker.retained.get(world.topics.beacon()) ?? new Uint8Array();
      return expectOk(parseBeacon(expectOk(openSign1(bytes, 'beacon')).payload));
    };
    const dayMs = 86_400_000;
    const issued = new Map<number, number>();
    let minute = 0;
    const second = await world.workshop.build('vibration-v2', 2);
    // Nobody tells the truth, so that nothing is decided.
    const patient: RolloutPlan = { ...plan, evidence: 'labels', horizonMs: 30 * dayMs };
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
    await fleet.rollOut(challenger, patient, 10 * minuteMs, () => {
      if (served > 0 || fleet.rollout.step !== 0) return;
      served = fleet.serving(challenger.manifest.sequence);
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
