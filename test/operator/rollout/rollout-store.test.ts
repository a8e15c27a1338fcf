import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CodedError } from '../../../protocol/coded-error.js';
import { RolloutStore } from '../../../operator/rollout/rollout-store.js';
import type { Rollout } from '../../../operator/rollout/rollout.js';
import { exampleRollout } from './example-rollout.js';
import { createDiskFiles } from '../../../operator/adapters/disk-files.js';

describe('the store of rollouts', () => {
  let folder: string;
  let store: RolloutStore;
  let file: string;
  /** A rollout that was decided on twice, as it lies on the disk. */
  let rollout: Rollout;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-rollouts-'));
    store = new RolloutStore(createDiskFiles(), folder);
    file = path.join(folder, 'rollouts', 'vibration.json');
    rollout = decidedRollout();
    store.write(rollout);
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const assertRefused = (text: string, what: string): void => {
    writeFileSync(file, text);
    assert.throws(
      () => store.find('vibration'),
      (error: unknown) =>
        error instanceof CodedError &&
        error.code === 'rollout-unreadable' &&
        error.message.includes(file),
      what,
    );
  };

  /** The file with one value changed; undefined takes it out. */
  const changed = (at: readonly (string | number)[], value: unknown): string => {
    const copy = JSON.parse(JSON.stringify(rollout)) as Record<string | number, unknown>;
    let inner = copy;
    for (const key of at.slice(0, -1)) inner = inner[key] as Record<string | number, unknown>;
    inner[at.at(-1) ?? ''] = value;
    return JSON.stringify(copy);
  };

  it('gives back what was written', () => {
    assert.deepEqual(store.read('vibration'), rollout);
    const young = exampleRollout(3);
    store.write(young);
    assert.equal(JSON.stringify(store.read('vibration').roster), JSON.stringify(young.roster));
    assert.equal(store.read('vibration').look, undefined);
  });

  it('gives back what is kept of devices whose names are those of inherited keys', () => {
    const ids = ['constructor', 'toString', '__proto__'];
    const roster = ids.map((deviceId) => ({ deviceId, stratum: undefined }));
    const failed = Object.fromEntries(ids.map((id) => [id, 'engine-trapped']));
    store.write({ ...rollout, roster, failed });
    assert.deepEqual(Object.entries(store.read('vibration').failed), Object.entries(failed));
  });

  it('refuses a file where a field is missing or of a wrong type', () => {
    const maps: readonly (readonly (string | number)[])[] = [
      [],
      ['champion'],
      ['plan'],
      ['plan', 'shadow'],
      ['plan', 'trial'],
      ['plan', 'terms'],
      ['roster', 0],
      ['left', 0],
      ['named', 0],
      ['chain'],
      ['look'],
      ['look', 'refused', 0],
      ['look', 'labelsRefused', 0],
    ];
    let tried = 0;
    for (const at of maps) {
      let map = JSON.parse(JSON.stringify(rollout)) as Record<string | number, unknown>;
      for (const key of at) map = map[key] as Record<string | number, unknown>;
      for (const key of Object.keys(map)) {
        // What is not known yet is left out.
        const mayBeMissing = /^(present|look|overMs|stratum)$/.test(key);
        for (const value of [undefined, true, [{}], -2, 'x'.repeat(70_000), { a: 1 }]) {
          if (value === undefined && mayBeMissing) continue;
          tried++;
          assertRefused(changed([...at, key], value), `${[...at, key].join('.')}: ${typeof value}`);
        }
      }
    }
    assert.ok(tried > 250, String(tried));
  });

  it('refuses values that contradict each other, and fields that nobody knows', () => {
    const cases: readonly (readonly [at: readonly (string | number)[], value: unknown])[] = [
      [['later'], 1],
      [['plan', 'later'], 1],
      [['slot'], 'sound'],
      [['step'], 2],
      [
        ['plan', 'exposures'],
        [10_000, 2_500],
      ],
      [['plan', 'exposures'], [2_500]],
      [['plan', 'exposures'], []],
      [['plan', 'terms', 'harm'], 0.5],
      [['roster'], []],
      [['roster'], [rollout.roster[0], rollout.roster[0]]],
      [['roster', 0, 'deviceId'], 'press/0'],
      [['salt'], '01'],
      [['champion', 'manifest'], 'zz'.repeat(32)],
      [['startedMs'], 1e300],
      [['elapsedMs'], -1],
      [['chain', 'hash'], ''],
      [['failed', 'press/0'], 'engine-trapped'],
      [['failed'], []],
      [['lives', 'press-0'], ['aa']],
    ];
    for (const [at, value] of cases) assertRefused(changed(at, value), at.join('.'));
  });

  it('refuses a file that was cut anywhere, and one that is no rollout at all', () => {
    const text = readFileSync(file, 'utf8');
    const end = text.trimEnd().length;
    for (let length = 0; length < end; length += 211) {
      assertRefused(text.slice(0, length), `${length} characters`);
    }
    for (const other of ['null', '[]', '1', '"x"', '{}', '\0'.repeat(text.length)]) {
      assertRefused(other, other.slice(0, 4));
    }
  });
});

/** A rollout in which everything is there. */
function decidedRollout(): Rollout {
  const rollout = exampleRollout(12);
  const ids = rollout.roster.map(({ deviceId }) => deviceId);
  return {
    ...rollout,
    plan: { ...rollout.plan, shadow: { ...rollout.plan.shadow, overMs: 60_000 } },
    roster: ids.map((deviceId) => ({ deviceId, stratum: 'hall-2' })),
    step: 0,
    minBlocks: 4,
    elapsedMs: 12.5,
    present: ids,
    heard: ids.slice(1),
    failed: { 'press-0': 'engine-trapped' },
    lives: { 'press-1': ['aa'.repeat(8), 'bb'.repeat(8)] },
    left: [{ id: 'press-2', round: 4 }],
    leftStep: [{ id: 'press-3', round: 1 }],
    named: [{ id: 'press-4', block: 17, loss: 0.5 }],
    chain: { length: 1, hash: 'ab'.repeat(32) },
    look: {
      verdict: 'not-yet',
      guardrail: 'mean-loss',
      reason: 'it may give more',
      lower: -0.1,
      upper: 0.3,
      rounds: 3,
      present: 12,
      comparing: 11,
      served: 3,
      arrived: 2,
      windows: 400,
      disagreements: 40,
      unlabelled: 4,
      onlyChampionRight: 20,
      onlyChallengerRight: 10,
      refused: [{ deviceId: 'press-5', code: 'evidence-forged', times: 2 }],
      labelsRefused: [
        { deviceId: 'press-6', code: 'label-class-unknown', reason: '"Normal" is no class' },
      ],
    },
  };
}
