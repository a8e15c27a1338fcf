import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { lookAtRollout, overrule } from '../../../operator/rollout/controller.js';
import { replayVerdicts, type Finding } from '../../../operator/rollout/replay.js';
import { RolloutStore } from '../../../operator/rollout/rollout-store.js';
import type { Rollout } from '../../../operator/rollout/rollout.js';
import { decodeVerdict, encodeVerdict } from '../../../operator/rollout/verdict-file.js';
import type { VerdictRecord } from '../../../operator/rollout/verdict-record.js';
import { blocks, evidenceOf, ExampleFleet, exampleRollout } from './example-rollout.js';
import { createDiskFiles } from '../../../operator/adapters/disk-files.js';

const time = { wallMs: 5, monotonicMs: 2_000, askedMs: 0 };

describe('The verdicts of a rollout', () => {
  let folder = '';
  let store: RolloutStore;
  let rollout: Rollout;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-chain-'));
    store = new RolloutStore(createDiskFiles(), folder);
    const ids = exampleRollout(12).roster.map(({ deviceId }) => deviceId);
    rollout = { ...exampleRollout(12), present: ids };
    const fleet = new ExampleFleet(rollout);
    for (const id of ids) {
      fleet.meet(id);
      fleet.say(evidenceOf(id, { shadow: blocks(60, [0, 0]) }));
    }
    const first = lookAtRollout(rollout, fleet.fleet, time).move;
    assert.equal(first?.verdict.action, 'advance');
    const second = overrule(first.rollout, fleet.fleet, 'abort', time);
    for (const { verdict } of [first, second]) store.chainOf(rollout).write(verdict);
    rollout = second.rollout;
    store.write(rollout);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const findings = (of = rollout): readonly Finding[] => {
    const chain = store.chainOf(of);
    return replayVerdicts(of, (number) => chain.read(number)).map(({ finding }) => finding);
  };
  const fileOf = (number: number): string =>
    path.join(folder, 'rollouts', `vibration-${rollout.salt}`, `000${number}.json`);
  const recordOf = (number: number): VerdictRecord =>
    decodeVerdict(readFileSync(fileOf(number), 'utf8')) ?? assert.fail();

  /** Forges the last record as somebody does who can write all files: with the hash that then belongs to it. */
  const forge = (change: (record: VerdictRecord) => VerdictRecord): Rollout => {
    const { text, hash } = encodeVerdict(change(recordOf(2)));
    writeFileSync(fileOf(2), text);
    return { ...rollout, chain: { ...rollout.chain, hash } };
  };

  it('follow from their evidence, and each other', () => {
    assert.deepEqual(findings(), ['agrees', 'agrees']);
    assert.equal(readdirSync(path.dirname(fileOf(1))).length, 2);
  });

  for (const [what, change] of [
    ['evidence', (text: string) => text.replace('[0,0,10,', '[0,0,11,')],
    ['judgement', (text: string) => text.replace('"verdict":"safe"', '"verdict":"harm"')],
    ['action', (text: string) => text.replace('"action":"advance"', '"action":"promote"')],
    ['bytes', (text: string) => `${text} `],
  ] as const) {
    it(`are found out where the ${what} of one was changed on the disk`, () => {
      const before = readFileSync(fileOf(1), 'utf8');
      const after = change(before);
      assert.notEqual(after, before);
      writeFileSync(fileOf(1), after);
      assert.deepEqual(findings(), ['hash', 'agrees']);
    });
  }

  it('are found out where one is gone, or was cut', () => {
    writeFileSync(fileOf(2), readFileSync(fileOf(2), 'utf8').slice(0, 100));
    assert.deepEqual(findings(), ['hash', 'hash']);
    rmSync(fileOf(1));
    assert.deepEqual(findings(), ['missing', 'hash']);
  });

  it('are found out where the evidence was forged with a hash that fits', () => {
    const forged = forge((record) => ({
      ...record,
      evidence: {
        ...record.evidence,
        devices: record.evidence.devices.map((device) => ({ ...device, shadow: [] })),
      },
    }));
    assert.deepEqual(findings(forged), ['agrees', 'judgement']);
  });

  it('are found out where the judgement was forged with a hash that fits', () => {
    const forged = forge((record) => ({
      ...record,
      judgement: { ...record.judgement, lower: record.judgement.lower + 1e-6 },
    }));
    assert.deepEqual(findings(forged), ['agrees', 'judgement']);
  });

  it('are found out where the controller is said to have done what does not follow', () => {
    const forged = forge((record) => ({
      ...record,
      inputs: { ...record.inputs, by: 'controller' },
    }));
    assert.deepEqual(findings(forged), ['agrees', 'action']);
  });

  it('are found out where one is taken out of the middle', () => {
    const forged = forge((record) => ({ ...record, number: 1, previous: '' }));
    assert.deepEqual(findings(forged), ['hash', 'order']);
  });
});
