import assert from 'node:assert/strict';
import { ReportDifferences } from '../../../operator/rollout/report-differences.js';
import { pairReport, releaseReport, report } from '../fleet/device-words.js';

describe('differences of reports', () => {
  const later = report({
    window: 3,
    releases: [
      releaseReport({
        windows: 9,
        classes: [5, 3, 1],
        labelled: 3,
        latency: { '120': 8, '130': 1 },
      }),
      releaseReport({ release: 20, mode: 'shadow', windows: 2 }),
    ],
    pairs: [pairReport({ windows: 5, agreements: 3, confusion: [3, 1, 1, 0] })],
    labelsRefused: { 'label-late': 2, 'label-repeated': 1 },
  });

  it('are what came since the last report of the slot', () => {
    const differences = new ReportDifferences();
    assert.deepEqual(differences.take('a', report()), { message: report(), isWhole: true });
    const difference = differences.take('a', later);
    assert.equal(difference?.isWhole, false);
    const [served, shadow] = difference.message.releases;
    assert.deepEqual(
      [served?.windows, served?.classes, served?.labelled, served?.right, served?.latency],
      [5, [2, 2, 1], 1, 0, { '120': 5 }],
    );
    assert.equal(shadow?.windows, 2);
    const [pair] = difference.message.pairs;
    assert.deepEqual([pair?.windows, pair?.agreements, pair?.bothRight], [1, 0, 0]);
    assert.deepEqual(pair?.confusion, [0, 1, 0, 0]);
    assert.deepEqual(difference.message.labelsRefused, { 'label-repeated': 1 });
  });

  it('are nothing for what is old or comes again, and all after a start', () => {
    const differences = new ReportDifferences();
    differences.take('a', later);
    assert.equal(differences.take('a', later), undefined);
    assert.equal(differences.take('a', report({ window: 2 })), undefined);
    assert.equal(differences.take('b', report({ window: 2 }))?.isWhole, true);
    const started = report({ boot: 2 });
    assert.deepEqual(differences.take('a', started), { message: started, isWhole: true });
    assert.equal(differences.take('a', report({ window: 100 })), undefined);
  });
});
