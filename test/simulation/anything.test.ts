import assert from 'node:assert/strict';
import process from 'node:process';
import fc from 'fast-check';
import type { PairReport, ReportMessage } from '../../protocol/messages/report.js';
import { Course } from './course.js';
import type { DeviceLife } from './device-life.js';
import { filesIn, filesOf } from './disk-files.js';
import { lives, type Lives } from './happening.js';
import { World } from './world.js';
import type { WorldDevice } from './world-device.js';

/**
 * Random lives of several devices with several slots, whose releases share files: releases good and bad, trials,
 * comparisons with labels, promotions, and whatever befalls the devices meanwhile. `TINYLAMP_LIVES` makes it a
 * campaign, `TINYLAMP_SEED` draws other lives.
 */

const numRuns = Number(process.env['TINYLAMP_LIVES'] ?? 40);
const seed = Number(process.env['TINYLAMP_SEED'] ?? 1);

describe(`Devices with several slots, to which anything happens, in ${numRuns} lives (TINYLAMP_SEED=${seed})`, () => {
  it('run what was published last, once nothing happens any more, and have lost count of nothing', async () => {
    await fc.assert(fc.asyncProperty(lives, live), { numRuns, seed, endOnFailure: false });
  }).timeout(120_000 + numRuns * 15_000);
});

async function live({ slots, devices, happenings }: Lives): Promise<void> {
  const world = await World.create();
  try {
    const course = new Course(world, slots, devices);
    for (const what of happenings) await course.happen(what);
    course.endFaults();
    const last = new Map<string, number>();
    for (const operator of course.operators) {
      const trial = { soakMs: 20_000, inferences: 5 };
      last.set(operator.slot, await operator.publishGood('vibration-v1', trial));
    }
    const isThere = ({ device }: DeviceLife): boolean =>
      [...last].every(
        ([slot, sequence]) => device.slotRecord(slot)?.current?.sequence === sequence,
      );
    // The longest pause of a device between two attempts is a quarter of an hour.
    for (let waitedMs = 0; waitedMs < 960_000; waitedMs += 15_000) {
      if (course.lives.every(isThere)) break;
      await world.time.advance(15_000);
    }
    await world.time.advance(2_000);
    course.check();
    for (const each of course.lives) assertServes(each, last);
    await world.time.advance(60_000);
    await assertAnswersOn(world, course.lives, [...last.keys()]);
    for (const each of course.lives) {
      assertNothingIsLeftOnDisk(each.device, [...last.keys()]);
      await each.device.stop();
    }
    course.check();
    for (const each of course.lives) {
      for (const slot of last.keys()) assertCountsAddUp(each, slot);
    }
  } finally {
    world.end();
  }
}

/** Each slot serves what was published last for it, and nothing else is loaded. */
function assertServes({ device, tail }: DeviceLife, last: ReadonlyMap<string, number>): void {
  for (const [slot, sequence] of last) {
    const record = device.slotRecord(slot);
    assert.equal(record?.current?.sequence, sequence, `${device.deviceId} ${slot}\n${tail}`);
    assert.equal(record.candidate, undefined, `${device.deviceId} ${slot}\n${tail}`);
  }
  assert.equal(device.engine.loaded.size, last.size, `instances are left\n${tail}`);
}

/** Ten answers in ten seconds, and none of a window that was never taken. */
async function assertAnswersOn(
  world: World,
  all: readonly DeviceLife[],
  slots: readonly string[],
): Promise<void> {
  const counted = (): readonly number[] =>
    all.flatMap(({ device }) => slots.map((slot) => device.resultsOf(slot).length));
  const before = counted();
  await world.time.advance(10_000);
  assert.deepEqual(
    counted(),
    before.map((answers) => answers + 10),
  );
  for (const { device, witness, tail } of all) {
    for (const slot of slots.filter((each) => witness.isServedThroughout(each))) {
      const window = device.resultsOf(slot).at(-1)?.window;
      assert.equal(window, device.burstsOf(slot), `a burst of samples is in no window\n${tail}`);
    }
  }
}

/** Only what is current, what there is a way back to, and the files that these name. */
function assertNothingIsLeftOnDisk(device: WorldDevice, slots: readonly string[]): void {
  const { disk } = device;
  const kept = slots.flatMap((slot) => {
    const { current, previous } = device.slotRecord(slot) ?? {};
    return [current, previous].flatMap((release) => (release ? filesOf(disk, release) : []));
  });
  const found = [...filesIn(disk, 'manifests'), ...filesIn(disk, 'images')];
  assert.deepEqual(found.toSorted(), [...new Set(kept)].toSorted());
  assert.deepEqual(filesIn(disk, 'partial'), []);
}

/** What a start has counted and reported of one slot. */
function assertCountsAddUp({ device, labelled }: DeviceLife, slot: string): void {
  assert.equal(
    device.counted('windows', slot),
    device.counted('answers', slot) + device.counted('windows-dropped', slot),
  );
  const reports = device.reports.filter((report) => report.slot === slot);
  assertOnlyRises(reports);
  const totals = device.totals.filter((report) => report.slot === slot);
  const releases = totals.flatMap((report) => report.releases);
  const served = releases.filter(({ mode }) => mode === 'served');
  const shadowed = releases.filter(({ mode }) => mode === 'shadow');
  const pairs = totals.flatMap((report) => report.pairs);
  const total = <K extends string>(rows: readonly Readonly<Record<K, number>>[], name: K): number =>
    rows.reduce((sum, row) => sum + row[name], 0);
  assert.equal(total(served, 'windows'), device.resultsOf(slot).length);
  assert.equal(total(shadowed, 'windows'), total(pairs, 'windows'));
  assert.equal(total(shadowed, 'labelled'), labelledPairs(pairs));
  assert.ok(total(served, 'labelled') >= total(shadowed, 'labelled'));
  const labels = labelled.get(slot)?.size ?? 0;
  assert.ok(total(served, 'labelled') <= labels, 'a label counted twice');
  for (const { windows, confusion, agreements } of pairs) {
    assert.equal(
      confusion.reduce((a, b) => a + b, 0),
      windows,
    );
    assert.ok(agreements <= windows);
  }
  for (const { labelled: known, right } of releases) {
    assert.ok(right <= known);
  }
  assert.equal(new Set(reports.map(({ window }) => window)).size, reports.length);
}

/** No report takes back what an earlier one said. */
function assertOnlyRises(reports: readonly ReportMessage[]): void {
  for (const [i, { releases }] of reports.entries()) {
    for (const before of reports[i - 1]?.releases ?? []) {
      const after = releases.find(
        ({ release, mode }) => release === before.release && mode === before.mode,
      );
      for (const name of ['windows', 'failures', 'late', 'skipped', 'labelled', 'right'] as const) {
        assert.ok((after?.[name] ?? 0) >= before[name], name);
      }
    }
  }
}

function labelledPairs(pairs: readonly PairReport[]): number {
  return pairs.reduce(
    (sum, { bothRight, onlyChampionRight, onlyChallengerRight, noneRight }) =>
      sum + bothRight + onlyChampionRight + onlyChallengerRight + noneRight,
    0,
  );
}
