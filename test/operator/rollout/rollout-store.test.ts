import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CodedError } from '../../../protocol/coded-error.js';
import { nextMove } from '../../../operator/rollout/controller.js';
import { replayVerdicts } from '../../../operator/rollout/replay.js';
import { RolloutStore } from '../../../operator/rollout/rollout-store.js';
import type { Rollout } from '../../../operator/rollout/rollout.js';
import { compared, exampleRollout, isIn, plan, withEvidence } from './example-rollout.js';

describe('the store of rollouts', () => {
  let folder: string;
  let store: RolloutStore;
  let file: string;
  /** A rollout that was decided on twice, as it lies on the disk. */
  let rollout: Rollout;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-rollouts-'));
    store = new RolloutStore(folder);
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

  it('gives back what was written, with verdicts that replay', () => {
    assert.equal(rollout.verdicts.length, 2);
    assert.deepEqual(store.read('vibration'), rollout);
    assert.equal(JSON.stringify(store.read('vibration')), JSON.stringify(rollout));
    assert.ok(replayVerdicts(store.read('vibration')).every(({ agrees }) => agrees));
  });

  it('gives back a rollout that is judged by health, and one that nobody was heard of in', () => {
    for (const each of [
      exampleRollout(3),
      exampleRollout(3, {
        plan: { ...plan, evidence: 'health' },
        reference: { classes: [0.5, 0.5], confidence: 0.9 },
      }),
    ]) {
      store.write(each);
      assert.deepEqual(store.read('vibration'), each);
    }
  });

  it('gives back the evidence of devices whose names are those of inherited keys', () => {
    const roster = ['constructor', 'toString', '__proto__'];
    const evidence = Object.fromEntries(roster.map((id, i) => [id, compared(i)]));
    store.write({ ...rollout, roster, evidence });
    assert.deepEqual(Object.entries(store.read('vibration').evidence), Object.entries(evidence));
  });

  it('gives back a bound that is infinite', () => {
    const [first] = rollout.verdicts;
    assert.ok(first);
    const guardrail = { ...first.judgement.guardrails[0], interval: { lower: 0, upper: Infinity } };
    const judgement = { ...first.judgement, guardrails: [guardrail] };
    const each = { ...rollout, verdicts: [{ ...first, judgement }] } as Rollout;
    store.write(each);
    assert.deepEqual(store.read('vibration'), each);
  });

  it('refuses a file where a field is missing or of a wrong type', () => {
    const maps: readonly (readonly (string | number)[])[] = [
      [],
      ['champion'],
      ['plan'],
      ['plan', 'shadow'],
      ['plan', 'trial'],
      ['plan', 'gate'],
      ['evidence', 'press-0'],
      ['evidence', 'press-0', 'punctuality'],
      ['evidence', 'press-0', 'punctuality', 'challenger'],
      ['verdicts', 0],
      ['verdicts', 0, 'inputs'],
      ['verdicts', 0, 'judgement'],
      ['verdicts', 0, 'judgement', 'guardrails', 0],
      ['verdicts', 0, 'judgement', 'guardrails', 0, 'interval'],
    ];
    let tried = 0;
    for (const at of maps) {
      let map = JSON.parse(JSON.stringify(rollout)) as Record<string | number, unknown>;
      for (const key of at) map = map[key] as Record<string | number, unknown>;
      for (const key of Object.keys(map)) {
        // What a device has not shown yet is left out.
        const mayBeMissing = /^(servedFrom|current|failure)$/.test(key);
        for (const value of [undefined, true, [{}], -2, 0.5, 'x'.repeat(70_000), { a: 1 }]) {
          if (value === undefined && mayBeMissing) continue;
          if (typeof value === 'number' && isAnyNumber(key)) continue;
          tried++;
          assertRefused(changed([...at, key], value), `${[...at, key].join('.')}: ${typeof value}`);
        }
      }
    }
    assert.ok(tried > 300, String(tried));
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
      [['plan', 'evidence'], 'health'],
      [['plan', 'gate', 'safePermille'], 1],
      [['reference'], { classes: [1], confidence: 1 }],
      [['roster'], []],
      [['roster'], ['press-0', 'press-0']],
      [['roster'], ['press/0']],
      [['salt'], '01'],
      [['champion', 'manifest'], 'zz'.repeat(32)],
      [['startedMs'], 1e300],
      [['evidence', 'press/0'], rollout.evidence['press-0']],
      [['evidence'], []],
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

/** Instants, durations and bounds need not be whole, and those of a clock that was set may be negative. */
function isAnyNumber(key: string): boolean {
  return /^(t|startedMs|stepStartedMs|elapsedMs|mixDistance|lower|upper)$/.test(key);
}

function decidedRollout(): Rollout {
  const begun = exampleRollout(60);
  const shadow = nextMove(
    withEvidence(begun, () => compared(0)),
    1_000,
  );
  assert.equal(shadow?.verdict.action, 'advance');
  const served = withEvidence(shadow.rollout, (id) =>
    compared(0, {
      servedFrom: { boot: 1, window: 2 },
      ...(isIn(shadow.rollout, id, 0) ? { current: 20 } : {}),
    }),
  );
  const next = nextMove(served, 2_000);
  assert.equal(next?.verdict.action, 'advance');
  const late = { step: 0, boot: 1, window: 3 };
  return withEvidence(next.rollout, (id, i) =>
    i === 1 ? compared(2, { late, failure: 'trial-trap' }) : next.rollout.evidence[id],
  );
}
