import assert from 'node:assert/strict';
import { createPlainCbor } from '../../../../agent/adapters/plain-cbor.js';
import { parseReport } from '../../../../operator/fleet/device-messages.js';
import { limits } from '../../../../protocol/limits.js';
import type { Result } from '../../../../protocol/result.js';
import {
  EvidenceBook,
  type ObservedAnswer,
} from '../../../../agent/core/experiment/evidence-book.js';
import { report } from '../../../operator/fleet/device-words.js';

const classes = ['normal', 'imbalance', 'bearing'];
const known = new Set(classes);
const pair = { champion: 4, challenger: 5, classes: classes.length };

const answer = (index: number | undefined, score = 0.9, latencyUs = 100): ObservedAnswer => ({
  index,
  label: index === undefined ? undefined : classes[index],
  score,
  latencyUs,
});

describe('An evidence book', () => {
  it('has nothing to say where nothing new was seen, and says everything since the start where something was', () => {
    const book = new EvidenceBook();
    assert.equal(book.take(), undefined);
    book.served(4, 1, answer(0), known);
    const first = book.take();
    assert.equal(first?.releases[0]?.windows, 1);
    assert.equal(book.take(), undefined);
    book.served(4, 2, answer(2), known);
    const [release] = book.take()?.releases ?? [];
    assert.deepEqual([release?.windows, release?.classes], [2, [1, 0, 1]]);
    assert.deepEqual(first.releases[0]?.classes, [1], 'what is reported does not change any more');
  });

  it('says no more than a message holds, and keeps what was seen last', () => {
    const book = new EvidenceBook();
    for (let release = 1; release <= 40; release++) {
      for (let i = 0; i < 400; i++) {
        const seen = answer(i === 0 ? 5_000 : i % 3, 0.5, 1.05 ** (i % 330));
        book.served(release, 1, seen, known);
        book.shadowed({ champion: release, challenger: 41, classes: 32 }, 1, answer(0), answer(1));
      }
    }
    const { releases, pairs } = book.take() ?? { releases: [], pairs: [] };
    const bytes = createPlainCbor().encode(report({ releases, pairs }));
    assert.ok(bytes.length <= limits.deviceMessageBytes, `${bytes.length} bytes`);
    assert.ok(releases.some(({ release, mode }) => release === 40 && mode === 'served'));
    assert.ok(pairs.some(({ champion }) => champion === 40));
    assert.notEqual(parseReport(bytes), undefined);
  });

  it('counts answers by class, by confidence and by latency', () => {
    const book = new EvidenceBook();
    for (const [index, score] of [
      [0, 0.05],
      [2, 0.95],
      [2, 1],
      [undefined, 0.45],
    ] as const) {
      book.served(4, 1, answer(index, score), known);
    }
    const [release] = book.take()?.releases ?? [];
    assert.equal(release?.windows, 4);
    // Who abstains names no class, and is a window all the same.
    assert.deepEqual(release.classes, [1, 0, 2]);
    assert.deepEqual(release.confidence, [1, 0, 0, 0, 1, 0, 0, 0, 0, 2]);
    assert.deepEqual(Object.values(release.latency), [4]);
  });

  it('tells deadlines that were missed from other failures, and served windows from compared ones', () => {
    const book = new EvidenceBook();
    book.failed(4, 'served', 'engine-trapped');
    book.failed(4, 'served', 'engine-deadline');
    book.failed(5, 'shadow', 'engine-gone');
    book.skipped(5);
    const [served, shadow] = book.take()?.releases ?? [];
    assert.deepEqual([served?.mode, served?.failures, served?.late], ['served', 1, 1]);
    assert.deepEqual(
      [shadow?.mode, shadow?.failures, shadow?.late, shadow?.skipped],
      ['shadow', 1, 0, 1],
    );
  });

  const labelRows: readonly (readonly [
    champion: number,
    challenger: number,
    label: string,
    outcome: 'bothRight' | 'onlyChampionRight' | 'onlyChallengerRight' | 'noneRight',
  ])[] = [
    [0, 0, 'normal', 'bothRight'],
    [0, 1, 'normal', 'onlyChampionRight'],
    [0, 1, 'imbalance', 'onlyChallengerRight'],
    [0, 1, 'bearing', 'noneRight'],
  ];
  for (const [champion, challenger, label, outcome] of labelRows) {
    it(`calls ${String(classes[champion])} and ${String(classes[challenger])} for ${label} ${outcome}`, () => {
      const book = new EvidenceBook();
      book.served(4, 1, answer(champion), known);
      book.shadowed(pair, 1, answer(champion), answer(challenger));
      book.labelled(1, label);
      const [counted] = book.take()?.pairs ?? [];
      for (const each of [
        'bothRight',
        'onlyChampionRight',
        'onlyChallengerRight',
        'noneRight',
      ] as const) {
        assert.equal(counted?.[each], each === outcome ? 1 : 0, each);
      }
      assert.equal(counted?.agreements, champion === challenger ? 1 : 0);
    });
  }

  it('counts a label for those who answered, also after the report with their answers is out', () => {
    const book = new EvidenceBook();
    book.served(4, 1, answer(0), known);
    book.shadowed(pair, 1, answer(0), answer(1));
    book.take();
    book.labelled(1, 'normal');
    const report = book.take();
    assert.deepEqual(
      report?.releases.map(({ release, mode, windows, labelled, right }) => ({
        release,
        mode,
        windows,
        labelled,
        right,
      })),
      [
        { release: 4, mode: 'served', windows: 1, labelled: 1, right: 1 },
        { release: 5, mode: 'shadow', windows: 1, labelled: 1, right: 0 },
      ],
    );
    assert.equal(report?.pairs[0]?.onlyChampionRight, 1);
  });

  const codeOf = (result: Result<unknown>): string => (result.ok ? 'taken' : result.rejection.code);

  it('takes one label for a window, and says why it does not take another', () => {
    const book = new EvidenceBook();
    // Window 4,000 was dropped: it has no answer.
    for (let window = 1; window <= 5_000; window++) {
      if (window !== 4_000) book.served(4, window, answer(0), known);
    }
    book.take();
    for (const [window, label, code] of [
      [1, 'normal', 'label-late'],
      [903, 'normal', 'label-late'],
      [4_000, 'normal', 'label-window-unknown'],
      [5_001, 'normal', 'label-window-unknown'],
      [0, 'normal', 'label-window-unknown'],
      [-1, 'normal', 'label-window-unknown'],
      [5_000, 'Normal', 'label-class-unknown'],
      [5_000, '0', 'label-class-unknown'],
      [5_000, '', 'label-class-unknown'],
    ] as const) {
      assert.equal(codeOf(book.labelled(window, label)), code, `${window} ${label}`);
    }
    assert.equal(book.take(), undefined);
    for (const [label, code] of [
      ['normal', 'taken'],
      ['normal', 'label-repeated'],
      ['bearing', 'label-contradictory'],
      ['normal', 'label-repeated'],
    ] as const) {
      assert.equal(codeOf(book.labelled(5_000, label)), code);
    }
    assert.equal(codeOf(book.labelled(904, 'bearing')), 'taken');
    const [labelled] = book.take()?.releases ?? [];
    assert.deepEqual([labelled?.labelled, labelled?.right], [2, 1]);
  });

  it('does not count what was refused for the challenger either, that answers later', () => {
    const book = new EvidenceBook();
    book.served(4, 1, answer(0), known);
    assert.equal(codeOf(book.labelled(1, 'Normal')), 'label-class-unknown');
    book.shadowed(pair, 1, answer(0), answer(1));
    const taken = book.take();
    assert.deepEqual(
      taken?.releases.map(({ labelled }) => labelled),
      [0, 0],
    );
    assert.equal(taken?.pairs[0]?.noneRight, 0);
  });

  it('counts labels that were not used by their cause', () => {
    const book = new EvidenceBook();
    for (const code of ['label-late', 'label-class-unknown', 'label-late'] as const) {
      book.labelRefused(code);
    }
    assert.deepEqual(book.take()?.labelsRefused, { 'label-late': 2, 'label-class-unknown': 1 });
    assert.equal(book.take(), undefined);
    book.labelRefused('label-late');
    assert.deepEqual(book.take()?.labelsRefused, { 'label-late': 3, 'label-class-unknown': 1 });
  });

  it('keeps pairs apart, and exact pairs only up to 32 classes', () => {
    const book = new EvidenceBook();
    book.shadowed(pair, 1, answer(0), answer(2));
    book.shadowed({ ...pair, challenger: 6, classes: 33 }, 1, answer(0), answer(2));
    const [small, large] = book.take()?.pairs ?? [];
    assert.deepEqual(small?.confusion, [0, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(large?.confusion, []);
    assert.deepEqual([small.windows, large?.windows], [1, 1]);
  });
});
