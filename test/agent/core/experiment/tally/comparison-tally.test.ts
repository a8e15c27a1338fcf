import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ComparisonTally } from '../../../../../agent/core/experiment/tally/comparison-tally.js';
import { ledgerEntries } from '../../../../../agent/core/experiment/tally/disagreement-ledger.js';
import {
  decodeTally,
  encodeTally,
  tallyFileBytes,
} from '../../../../../agent/core/experiment/tally/tally-file.js';
import { expectOk } from '../../../../../protocol/coded-error.js';
import { encodeEvidence, parseEvidence } from '../../../../../protocol/messages/evidence.js';
import { sampleEvidence } from '../../../../helpers/documents.js';

const { champion, challenger, salt, life } = sampleEvidence();
const said = { deviceId: 'press-7', slot: 'vibration', aside: undefined, drift: 'none' } as const;
const shadow = { policy: 3, served: 0 } as const;
const served = { policy: 5, served: 1 } as const;
const begin = (blockWindows = 2, turnWindows?: number): ComparisonTally =>
  ComparisonTally.begin({ champion, challenger, salt }, life, {
    devices: 48,
    alphaPermille: 50,
    deviceMarginPermille: 50,
    blockWindows,
    turnWindows,
  });
const answer = (label: string | undefined) => ({ label, scorePermille: 900 });

/** Counts a window by what each said; `null` where it gave no answer. */
const compare = (
  tally: ComparisonTally,
  window: number,
  [a, b]: readonly [string | null, string | null],
  role: typeof shadow | typeof served = shadow,
): void => {
  const given = (label: string | null) => (label === null ? undefined : answer(label));
  tally.compared(role, { boot: 1, window, t: window, champion: given(a), challenger: given(b) });
};
const listOf = (tally: ComparisonTally, list: 'shadow' | 'served') => {
  const evidence = tally.evidence(said);
  return list === 'shadow' ? evidence.shadow : evidence.served;
};
const countsOf = (tally: ComparisonTally, list: 'shadow' | 'served' = 'shadow') =>
  listOf(tally, list).blocks.map((block) => [
    block.onlyChampionRight,
    block.onlyChallengerRight,
    block.windows,
    block.unlabelled,
    block.policy,
  ]);
const codeOf = (tally: ComparisonTally, window: number, label: string, boot = 1): string => {
  const taken = tally.labelled({ boot, window }, label);
  return taken.ok ? 'ok' : taken.rejection.code;
};

describe('The tally of a comparison', () => {
  it('counts a window on which both agree without any label', () => {
    const tally = begin();
    compare(tally, 1, ['x', 'x']);
    compare(tally, 2, ['y', 'y']);
    assert.deepEqual(countsOf(tally), [[0, 0, 2, 0, 3]]);
  });

  for (const [what, answers, label, expected] of [
    ['the champion alone was right', ['x', 'y'], 'x', [1, 0, 2, 0, 3]],
    ['the challenger alone was right', ['x', 'y'], 'y', [0, 1, 2, 0, 3]],
    ['neither was right', ['x', 'y'], 'z', [0, 0, 2, 0, 3]],
    ['the challenger gave no answer and the champion was right', ['x', null], 'x', [1, 0, 2, 0, 3]],
    ['the challenger gave no answer and the champion was wrong', ['x', null], 'y', [0, 0, 2, 0, 3]],
    ['the champion gave no answer and the challenger was right', [null, 'y'], 'y', [0, 1, 2, 0, 3]],
  ] as const) {
    it(`changes a closed block where a late label says that ${what}`, () => {
      const tally = begin();
      compare(tally, 1, answers);
      compare(tally, 2, ['x', 'x']);
      assert.deepEqual(countsOf(tally), [[0, 0, 2, 1, 3]]);
      assert.equal(codeOf(tally, 1, label), 'ok');
      assert.deepEqual(countsOf(tally), [expected]);
    });
  }

  it('refuses a label of an unknown window, one that comes twice, and one that says something else', () => {
    const tally = begin();
    compare(tally, 1, ['x', 'y']);
    assert.equal(codeOf(tally, 2, 'x'), 'label-window-unknown');
    assert.equal(codeOf(tally, 1, 'x', 2), 'label-window-unknown');
    assert.equal(codeOf(tally, 1, 'x'), 'ok');
    assert.equal(codeOf(tally, 1, 'x'), 'label-repeated');
    assert.equal(codeOf(tally, 1, 'y'), 'label-contradictory');
  });

  it('drops the block that is open when the role changes, and keeps its windows in the totals', () => {
    const tally = begin(3);
    compare(tally, 1, ['x', 'y']);
    for (const window of [2, 3, 4]) compare(tally, window, ['x', 'x'], served);
    assert.deepEqual(countsOf(tally), []);
    assert.deepEqual(countsOf(tally, 'served'), [[0, 0, 3, 0, 5]]);
    assert.equal(codeOf(tally, 1, 'x'), 'ok');
    const { windows, onlyChampionRight, labelled } = tally.evidence(said).totals;
    assert.deepEqual([windows, onlyChampionRight, labelled], [4, 1, 1]);
  });

  it('drops the block that is open when the policy changes', () => {
    const tally = begin(2);
    compare(tally, 1, ['x', 'x']);
    tally.compared(
      { policy: 4, served: 0 },
      { boot: 1, window: 2, t: 2, champion: answer('x'), challenger: answer('x') },
    );
    assert.deepEqual(countsOf(tally), []);
  });

  it('takes no more blocks into a list that is full, and says so', () => {
    const tally = begin(1);
    for (let window = 1; window <= 300; window++) compare(tally, window, ['x', 'x']);
    const { shadow: list, totals } = tally.evidence(said);
    assert.equal(list.blocks.length, 256);
    assert.ok(list.full && tally.isFull(shadow) && !tally.isFull(served));
    assert.equal(totals.windows, 300);
  });

  it('keeps so many disagreements and no more, and forgets those first that have their label', () => {
    const tally = begin(10);
    for (let window = 1; window <= ledgerEntries; window++) compare(tally, window, ['x', 'y']);
    assert.equal(codeOf(tally, 500, 'x'), 'ok');
    compare(tally, ledgerEntries + 1, ['x', 'y']);
    assert.equal(codeOf(tally, 500, 'x'), 'label-window-unknown');
    compare(tally, ledgerEntries + 2, ['x', 'y']);
    assert.equal(codeOf(tally, 1, 'x'), 'label-window-unknown');
    assert.equal(codeOf(tally, 2, 'x'), 'ok');
    assert.equal(tally.ledger.entries.length, ledgerEntries);
  });

  it('counts reports in which one alone was late as one spell, and those in which both were as none', () => {
    const tally = begin();
    const report = (...late: readonly ('champion' | 'challenger')[]): void => {
      compare(tally, 1, ['x', 'x']);
      for (const side of late) tally.late(side);
      tally.reported(false);
    };
    report('challenger');
    report('challenger');
    report();
    report('challenger');
    report('champion', 'challenger');
    report('champion');
    tally.reported(false);
    const { late } = tally.evidence(said);
    assert.deepEqual(late, { reports: 6, onlyChampion: 1, onlyChallenger: 2 });
  });

  it('makes one block of a pair of turns, whose loss is what the champion had right and the challenger had not', () => {
    const tally = begin(2, 3);
    const right = [true, true, true, false, true, false];
    for (let window = 1; window <= 6; window++) {
      compare(tally, window, window <= 3 ? ['x', null] : [null, 'x'], served);
    }
    assert.deepEqual(countsOf(tally, 'served'), [[0, 0, 3, 3, 5]]);
    for (const [i, isRight] of right.entries()) codeOf(tally, i + 1, isRight ? 'x' : 'y');
    assert.deepEqual(countsOf(tally, 'served'), [[2, 0, 3, 0, 5]]);
    assert.equal(tally.evidence(said).correlation, undefined);
    const revived = expectOk(decodeTally(encodeTally(tally)));
    assert.deepEqual(revived.evidence(said).served, tally.evidence(said).served);
    assert.deepEqual(encodeTally(revived), encodeTally(tally));
  });

  it('counts a spell of late reports again after each ten that it lasts', () => {
    const tally = begin();
    for (let report = 1; report <= 25; report++) {
      compare(tally, report, ['x', 'x']);
      tally.late('challenger');
      tally.reported(false);
    }
    const { late } = tally.evidence(said);
    assert.deepEqual(late, { reports: 25, onlyChampion: 0, onlyChallenger: 3 });
  });

  it('knows how losses of neighbours correlate, whatever the order of the labels', () => {
    const losses = [5, 6, 7, 8, 15, 16, 17, 18];
    const correlationOf = (order: readonly number[]): number | undefined => {
      const tally = begin(10);
      for (let window = 1; window <= 40; window++) {
        compare(tally, window, losses.includes(window) ? ['x', 'y'] : ['x', 'x']);
      }
      for (const window of order) assert.equal(codeOf(tally, window, 'x'), 'ok');
      return tally.evidence(said).correlation;
    };
    const inOrder = correlationOf(losses);
    assert.ok(inOrder !== undefined && inOrder > 600, String(inOrder));
    assert.equal(correlationOf([...losses].reverse()), inOrder);
    assert.equal(correlationOf([16, 5, 8, 18, 6, 17, 7, 15]), inOrder);
    assert.equal(correlationOf([5, 7]), undefined);
  });

  it('raises the revision with a change, and only then', () => {
    const tally = begin();
    assert.equal(tally.revise(), false);
    compare(tally, 1, ['x', 'y']);
    assert.equal(tally.revise(), true);
    assert.equal(tally.revise(), false);
    assert.equal(codeOf(tally, 1, 'x'), 'ok');
    assert.equal(tally.revise(), true);
    assert.equal(tally.evidence(said).revision, 2);
  });

  it('is after a way over the disk what it was, whatever happened before and after', () => {
    const label = fc.constantFrom('x', 'y', null);
    const happening = fc.oneof(
      fc.record({ answers: fc.tuple(label, label), role: fc.constantFrom(shadow, served) }),
      fc.record({ labelled: fc.nat(40), as: fc.constantFrom('x', 'y', 'z') }),
      fc.record({ late: fc.constantFrom('champion', 'challenger') }),
      fc.constant({ reported: true }),
    );
    const course = fc.array(happening, { maxLength: 40 });
    fc.assert(
      fc.property(course, course, (before, after) => {
        let next = 0;
        const apply = (tally: ComparisonTally, what: (typeof before)[number]): void => {
          if ('answers' in what) compare(tally, ++next, what.answers, what.role);
          else if ('labelled' in what) tally.labelled({ boot: 1, window: what.labelled }, what.as);
          else if ('late' in what) tally.late(what.late);
          else tally.reported(true);
        };
        const straight = begin(3);
        for (const each of before) apply(straight, each);
        straight.reported(false);
        straight.revise();
        const file = encodeTally(straight);
        const revived = expectOk(decodeTally(file));
        assert.deepEqual(encodeTally(revived), file);
        const at = next;
        for (const each of after) apply(straight, each);
        next = at;
        for (const each of after) apply(revived, each);
        assert.deepEqual(encodeTally(revived), encodeTally(straight));
        assert.deepEqual(revived.evidence(said), straight.evidence(said));
        if (straight.revise()) expectOk(parseEvidence(encodeEvidence(straight.evidence(said))));
      }),
      { numRuns: 300 },
    );
  });

  it('fits its file where everything is full', () => {
    const tally = begin(1);
    const long = 'ö'.repeat(255);
    for (let window = 1; window <= 2 * ledgerEntries; window++) {
      compare(tally, window, [`${long}a`, `${long}b`], window > ledgerEntries ? served : shadow);
    }
    const file = encodeTally(tally);
    assert.ok(file.length <= tallyFileBytes, `${file.length} bytes`);
    assert.deepEqual(encodeTally(expectOk(decodeTally(file))), file);
  });
});
