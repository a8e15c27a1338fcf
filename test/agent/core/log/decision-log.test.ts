import assert from 'node:assert/strict';
import { encodeCbor } from '../../../../protocol/cbor/encode.js';
import type { CborValue } from '../../../../protocol/cbor/value.js';
import type { Effect } from '../../../../agent/core/effect.js';
import {
  decodeDecisions,
  DecisionLog,
  decisionLogBytes,
  encodeDecisions,
  type Decision,
} from '../../../../agent/core/log/decision-log.js';
import { Tasks } from '../../../../agent/core/process.js';
import { accept, refuse } from '../../../../protocol/result.js';

const decision = (t: number, change: Partial<Decision> = {}): Decision => ({
  t,
  event: 'committed',
  slot: 'vibration',
  release: t,
  ...change,
});

/** What the tasks ask for; the log asks for one thing at a time. */
const asked = (tasks: Tasks): readonly Effect[] => tasks.takeEffects();

const opened = (file: Uint8Array | undefined) => {
  const tasks = new Tasks();
  const log = new DecisionLog(tasks);
  tasks.run(log.open());
  const [read] = asked(tasks);
  assert.equal(read?.kind, 'read');
  tasks.answer(read.request, accept(file));
  return { tasks, log };
};

const written = (tasks: Tasks) => {
  const [write, ...more] = asked(tasks);
  assert.deepEqual(more, []);
  assert.equal(write?.kind, 'write');
  return { request: write.request, decisions: decodeDecisions(write.bytes) };
};

describe('The decision log', () => {
  it('reads back what it wrote, the oldest first', () => {
    const decisions = [
      decision(1),
      decision(2, { event: 'rejected', code: 'block-invalid', reason: 'block 3 of model.tflite' }),
      { t: 3, event: 'state-lost', code: 'state-lost' } as const,
    ];
    assert.deepEqual(decodeDecisions(encodeDecisions(decisions)), decisions);
  });

  it('goes on with what earlier starts left, and keeps the latest hundred', () => {
    const before = Array.from({ length: 99 }, (_, i) => decision(i + 1));
    const { tasks, log } = opened(encodeDecisions(before));
    for (let t = 100; t <= 103; t++) {
      log.add(decision(t));
      const { request, decisions } = written(tasks);
      tasks.answer(request, accept(undefined));
      assert.equal(decisions.length, 100);
      assert.deepEqual(
        decisions.map((each) => each.t),
        Array.from({ length: 100 }, (_, i) => t - 99 + i),
      );
    }
  });

  it('puts what was reported before it was open behind what was there', () => {
    const tasks = new Tasks();
    const log = new DecisionLog(tasks);
    log.add(decision(2, { event: 'state-lost' }));
    assert.deepEqual(asked(tasks), []);
    tasks.run(log.open());
    const [read] = asked(tasks);
    assert.equal(read?.kind, 'read');
    tasks.answer(read.request, accept(encodeDecisions([decision(1)])));
    assert.deepEqual(
      written(tasks).decisions.map(({ t }) => t),
      [1, 2],
    );
  });

  it('keeps what is settled whatever else comes, and both in their order', () => {
    const { tasks, log } = opened(undefined);
    log.add(decision(1));
    tasks.answer(written(tasks).request, accept(undefined));
    for (let t = 2; t <= 5_000; t++) {
      log.add(decision(t, { event: 'document-refused', code: 'cbor-truncated' }));
    }
    asked(tasks);
    log.add(decision(5_001, { event: 'rolled-back' }));
    const { decisions } = written(tasks);
    assert.equal(decisions.length, 102);
    assert.deepEqual([decisions[0]?.event, decisions[0]?.t], ['committed', 1]);
    assert.deepEqual([decisions[1]?.t, decisions.at(-1)?.t], [4_901, 5_001]);
  });

  it('writes a flood of refusals once in five seconds', () => {
    const { tasks, log } = opened(undefined);
    for (let t = 1; t <= 100; t++) {
      log.add(decision(t, { event: 'document-refused', code: 'cbor-truncated' }));
    }
    const [wait, ...more] = asked(tasks);
    assert.deepEqual(more, []);
    assert.ok(wait?.kind === 'wait' && wait.delayMs === 5_000);
    tasks.answer(wait.request, undefined);
    assert.equal(written(tasks).decisions.length, 100);
  });

  it('writes when something is settled, and spares the flash in between', () => {
    const { tasks, log } = opened(undefined);
    for (const event of ['offered', 'admitted', 'fetching', 'verified', 'trial'] as const) {
      log.add(decision(1, { event }));
    }
    assert.deepEqual(asked(tasks), []);
    log.add(decision(2));
    assert.equal(written(tasks).decisions.length, 6);
  });

  it('writes once at a time, and what came meanwhile with the next write', () => {
    const { tasks, log } = opened(undefined);
    log.add(decision(1));
    const first = written(tasks);
    log.add(decision(2));
    log.add(decision(3));
    assert.deepEqual(asked(tasks), []);
    tasks.answer(first.request, accept(undefined));
    const second = written(tasks);
    assert.equal(second.decisions.length, 3);
    tasks.answer(second.request, accept(undefined));
    assert.deepEqual(asked(tasks), []);
  });

  it('goes on after a write that failed', () => {
    const { tasks, log } = opened(undefined);
    log.add(decision(1));
    tasks.answer(written(tasks).request, refuse('storage-full', 'no room'));
    log.add(decision(2));
    assert.equal(written(tasks).decisions.length, 2);
  });

  it('begins anew where its file is damaged, wherever that is, and never throws', () => {
    const bytes = encodeDecisions([decision(1), decision(2, { reason: 'ä reason' })]);
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [1, 32, 128]) {
        for (const each of decodeDecisions(bytes.with(at, (bytes[at] ?? 0) ^ bit))) {
          const { t, release = 0, ...texts } = each;
          assert.deepEqual([typeof t, typeof release], ['number', 'number']);
          assert.ok(Object.values(texts).every((text) => typeof text === 'string'));
        }
      }
      assert.deepEqual(decodeDecisions(bytes.subarray(0, at)), []);
    }
    const { tasks, log } = opened(Uint8Array.of(1, 2, 3));
    log.add(decision(5));
    assert.deepEqual(
      written(tasks).decisions.map(({ t }) => t),
      [5],
    );
  });

  it('leaves out what is no decision, and keeps the rest', () => {
    const entry = (fields: Readonly<Record<string, CborValue>>): CborValue =>
      new Map(Object.entries(fields));
    const bytes = encodeCbor([
      7,
      [],
      entry({}),
      entry({ t: 'now', event: 'committed' }),
      entry({ t: 1, event: 2 }),
      entry({ t: 1, event: 'committed', release: 'two' }),
      entry({ t: 1, event: 'rejected', reason: new Map([['a', 1]]) }),
      entry({ t: 1, event: 'unheard-of', code: 'unheard-of' }),
    ]);
    assert.deepEqual(decodeDecisions(bytes), [{ t: 1, event: 'unheard-of', code: 'unheard-of' }]);
    assert.deepEqual(decodeDecisions(encodeCbor(entry({ t: 1, event: 'committed' }))), []);
  });

  it('is never larger than what it reads, whatever the reasons quote', () => {
    for (const character of ['x', 'ä', '力', '🔥', '\ud83d']) {
      const decisions = Array.from({ length: 200 }, (_, i) =>
        decision(i + 1, {
          event: 'document-refused',
          slot: 's'.repeat(32),
          release: Number.MAX_SAFE_INTEGER,
          code: 'manifest-digest-mismatch',
          reason: character.repeat(2_000),
        }),
      );
      const bytes = encodeDecisions(decisions);
      assert.ok(bytes.length <= decisionLogBytes, `${bytes.length} bytes of ${character}`);
      assert.equal(decodeDecisions(bytes).length, 200);
    }
  });
});
