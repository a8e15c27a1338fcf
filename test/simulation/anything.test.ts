import assert from 'node:assert/strict';
import process from 'node:process';
import fc from 'fast-check';
import type { PairReport } from '../../protocol/messages/report.js';
import { Course } from './course.js';
import { filesIn } from './disk-files.js';
import { lives, type Happening } from './happening.js';
import { World } from './world.js';
import type { WorldDevice } from './world-device.js';

/**
 * Random lives of a device: releases good and bad, trials, comparisons with labels, promotions, and whatever
 * befalls it meanwhile. `TINYLAMP_LIVES` makes it a campaign, `TINYLAMP_SEED` draws other lives.
 */

const numRuns = Number(process.env['TINYLAMP_LIVES'] ?? 60);
const seed = Number(process.env['TINYLAMP_SEED'] ?? 1);

describe(`A device to which anything happens, in ${numRuns} lives (TINYLAMP_SEED=${seed})`, () => {
  it('runs the release that was published last, once nothing happens any more, and has lost count of nothing', async () => {
    await fc.assert(fc.asyncProperty(lives, live), { numRuns, seed, endOnFailure: false });
  }).timeout(120_000 + numRuns * 5_000);
});

async function live(happenings: readonly Happening[]): Promise<void> {
  const world = await World.create();
  try {
    const course = new Course(world);
    for (const what of happenings) await course.happen(what);
    course.endFaults();
    const last = await course.publishGood('vibration-v1', { soakMs: 20_000, inferences: 5 });
    const { device } = course;
    // The longest pause of a device between two attempts is a quarter of an hour.
    for (let waitedMs = 0; waitedMs < 960_000; waitedMs += 15_000) {
      if (device.record?.current?.sequence === last) break;
      await world.time.advance(15_000);
    }
    await world.time.advance(2_000);
    course.check();
    const story = device.story.slice(-30).join('\n');
    assert.equal(device.record?.current?.sequence, last, story);
    assert.equal(device.record.candidate, undefined, story);
    assert.equal(device.engine.loaded.size, 1, `instances are left\n${story}`);
    await world.time.advance(60_000);
    const answers = device.results.length;
    await world.time.advance(10_000);
    assert.equal(device.results.length, answers + 10, story);
    if (course.witness.isServedThroughout) {
      const [before = 0] = device.results.map(({ window }) => window).slice(-1);
      assert.equal(before, device.bursts, 'a burst of samples is in no window');
    }
    assertNothingIsLeftOnDisk(device);
    await device.stop();
    course.check();
    assert.equal(
      device.counted('windows'),
      device.counted('answers') + device.counted('windows-dropped'),
    );
    assertReportsAddUp(device, course.labelled);
  } finally {
    world.end();
  }
}

/** Only what is current, and what there is a way back to. */
function assertNothingIsLeftOnDisk({ disk, record }: WorldDevice): void {
  const kept = [record?.current, record?.previous].flatMap((release) =>
    release === undefined ? [] : [`manifests/${release.manifest}`],
  );
  assert.deepEqual(filesIn(disk, 'manifests').toSorted(), kept.toSorted());
  assert.deepEqual(filesIn(disk, 'partial'), []);
}

/** What a start has reported, as the operator adds it up. */
function assertReportsAddUp(device: WorldDevice, labels: ReadonlySet<number>): void {
  const { reports, results } = device;
  const releases = reports.flatMap((report) => report.releases);
  const served = releases.filter(({ mode }) => mode === 'served');
  const shadowed = releases.filter(({ mode }) => mode === 'shadow');
  const pairs = reports.flatMap((report) => report.pairs);
  const total = <K extends string>(rows: readonly Readonly<Record<K, number>>[], name: K): number =>
    rows.reduce((sum, row) => sum + row[name], 0);
  assert.equal(total(served, 'windows'), results.length);
  assert.equal(total(shadowed, 'windows'), total(pairs, 'windows'));
  assert.equal(total(shadowed, 'labelled'), labelledPairs(pairs));
  assert.ok(total(served, 'labelled') >= total(shadowed, 'labelled'));
  assert.ok(total(served, 'labelled') <= labels.size, 'a label counted twice');
  for (const { windows, confusion, agreements } of pairs) {
    assert.equal(
      confusion.reduce((a, b) => a + b, 0),
      windows,
    );
    assert.ok(agreements <= windows);
  }
  for (const { labelled, right } of releases) {
    assert.ok(right <= labelled);
  }
  assert.equal(new Set(reports.map(({ window }) => window)).size, reports.length);
}

function labelledPairs(pairs: readonly PairReport[]): number {
  return pairs.reduce(
    (sum, { bothRight, onlyChampionRight, onlyChallengerRight, noneRight }) =>
      sum + bothRight + onlyChampionRight + onlyChallengerRight + noneRight,
    0,
  );
}
