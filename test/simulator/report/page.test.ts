import assert from 'node:assert/strict';
import { reportPage } from '../../../simulator/report/page.js';
import type { RunRecord } from '../../../simulator/report/run-record.js';
import type { Outcome } from '../../../simulator/simulation/outcome.js';
import { demoRelease, runText } from '../simulation/scenario-runner.js';

const text = `
name: shown
duration: 40 min
period: 10 s
report: 20 s
fleet:
  - {count: 6, site: hall-1, sensor: {kind: vibration, environment: laboratory}}
labels: {delay: 1 s}
releases:
${demoRelease('v1', 1, ', behaves: {wrong: 30 %}')}${demoRelease('v2', 2)}
timeline:
  - {at: 0, publish: v1}
  - {at: 2 min, rollout: v2, as: r, exposures: [50 %, 100 %], over: 2 min, step-soak: 10 s}
  - {at: 5 min..8 min, fault: {partition: true, where: id = sim-00002}}
  - {at: 9 min, fault: {broker: restart}}
expect:
  - rollout(r).ends = promoted
  - windows.answered > 1000000
  - sometimes: windows.dropped > 5
`;

describe('the page of a run', () => {
  let outcome: Outcome;
  let record: RunRecord;
  let page: string;
  before(async () => {
    outcome = await runText(text, 3, { recorded: (recorded) => (record = recorded) });
    page = reportPage(outcome, record);
  });

  it('has the verdict, what was not held and the command to replay it', () => {
    assert.equal(outcome.exit, 11);
    assert.ok(page.includes('expected windows.answered &gt; 1000000'));
    assert.equal(page.match(/class="missed"/g)?.length, 1);
    assert.equal(page.match(/not in this run/g)?.length, 1);
    assert.ok(page.includes(outcome.hash));
  });

  it('has samples from the beginning to the end, whose last one is the outcome', () => {
    const { samples } = record;
    assert.equal(samples[0]?.atMs, 0);
    assert.ok(samples.length > 90 && samples.length <= 202, String(samples.length));
    const last = samples.at(-1);
    assert.equal(last?.atMs, 2_400_000);
    assert.deepEqual(last?.windows, outcome.windows);
    assert.deepEqual(last?.releases, outcome.releases);
    for (const [kind, { bytes }] of Object.entries(outcome.messages))
      assert.equal(last?.bytes[kind], bytes);
  });

  it('has bounds that close around the truth, and each decision with its numbers', () => {
    const { decisions } = record;
    assert.deepEqual(
      decisions.map(({ action }) => action),
      ['advance', 'advance', 'promote'],
    );
    for (const { lower, upper, truth } of decisions)
      assert.ok(truth !== undefined && lower <= truth && truth <= upper, JSON.stringify(decisions));
    const widths = record.samples.flatMap(({ rollouts }) => {
      const { lower, upper } = rollouts['r'] ?? {};
      return lower === undefined || upper === undefined ? [] : [upper - lower];
    });
    assert.ok((widths.at(-1) ?? 2) < (widths[0] ?? 0) / 4, widths.join(' '));
    for (const { reason } of decisions) assert.ok(page.includes(reason.replaceAll('&', '&amp;')));
  });

  it('shows each fault as a band in each picture over time', () => {
    assert.deepEqual(
      record.faults.map(({ text: words, untilMs }) => [words, untilMs]),
      [
        ['partition, id = sim-00002', 480_000],
        ['broker-restart', undefined],
      ],
    );
    const pictures = page.match(/<svg/g)?.length ?? 0;
    assert.equal(pictures, 6);
    // Not in the one that lists them.
    assert.equal(page.match(/class="band"/g)?.length, 2 * (pictures - 1));
  });

  it('needs no network and no script', () => {
    assert.ok(!/<script|<link|<img|@import|url\(|\ssrc=|\shref=|https?:/.test(page));
  });

  it('is the same for the same seed, and changes nothing of the run', async () => {
    let again: RunRecord | undefined;
    const second = await runText(text, 3, { recorded: (recorded) => (again = recorded) });
    assert.ok(again !== undefined);
    assert.equal(reportPage(second, again), page);
    assert.equal((await runText(text, 3)).hash, outcome.hash);
  });

  it('has the last events of a device until it violated something', () => {
    const violated: Outcome = {
      ...outcome,
      violations: [{ checker: 'record', device: 'sim-00001', atMs: 2, text: 'fell & "broke"' }],
    };
    const lines = ['{"atMs":1,"event":"<b>"}', '{"atMs":2}'];
    const tales = [{ device: 'sim-00001', atMs: 2, lines }];
    const told = reportPage(violated, { ...record, tales });
    assert.ok(told.includes('fell &amp; &quot;broke&quot;'));
    assert.ok(told.includes('&quot;event&quot;:&quot;&lt;b&gt;&quot;}\n{'));
    assert.ok(told.includes('The last 2 events of sim-00001'));
  });
});
