import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type ReportMessage, latencyShape } from '../../../protocol/messages/report.js';
import { LogSketch } from '../../../protocol/statistics/log-sketch.js';
import {
  FleetView,
  type FleetChannel,
  type Reception,
} from '../../../operator/fleet/fleet-view.js';
import { encode, json, pairReport, releaseReport, report } from './device-words.js';

const deviceId = 'press-7';

function createView(): FleetView {
  return new FleetView([{ deviceId, labels: { site: 'hall-2' } }]);
}

function say(
  view: FleetView,
  channel: FleetChannel,
  value: unknown,
  { retained = false, wallMs = 5_000, from = deviceId } = {},
): Reception {
  const payload = channel === 'report' ? encode(value) : json(value);
  return view.receive({ deviceId: from, channel, payload, retained, wallMs });
}

const presence = (online: boolean, boot: number, connection: number): object => ({
  online,
  boot,
  connection,
});
const state = (slot: object): object => ({
  agent: '0.1.0',
  boot: 1,
  labels: { site: 'elsewhere' },
  slots: { vibration: slot },
});

describe('the view of a fleet', () => {
  it('has a row for each enrolled device, even one that never says a word', () => {
    const [row, ...more] = createView().rows;
    assert.deepEqual(more, []);
    assert.deepEqual([row?.deviceId, row?.enrolled, row?.online], [deviceId, true, undefined]);
    assert.deepEqual([row?.lastSeen, row?.slots], [undefined, {}]);
  });

  it('shows what a device reports of its slots, with the labels of the roster', () => {
    const view = createView();
    const slot = { current: 10, candidate: 20, phase: 'shadow', release: 20 };
    assert.equal(say(view, 'state', state(slot)), 'changed');
    const row = view.row(deviceId);
    assert.deepEqual(row?.labels, { site: 'hall-2' });
    const shown = row.slots['vibration'];
    assert.deepEqual(
      [shown?.current, shown?.candidate, shown?.phase, shown?.release, shown?.windows],
      [10, 20, 'shadow', 20, 0],
    );
  });

  it('takes what the broker has kept for no sign of life', () => {
    const view = createView();
    say(view, 'presence', presence(true, 1, 1), { retained: true });
    say(view, 'state', state({ current: 10 }), { retained: true });
    assert.deepEqual([view.row(deviceId)?.online, view.row(deviceId)?.lastSeen], [true, undefined]);
    say(view, 'report', report(), { wallMs: 7_000 });
    assert.equal(view.row(deviceId)?.lastSeen, 7_000);
    assert.equal(view.row(deviceId)?.slots['vibration']?.lastSeen, 7_000);
  });

  it('is not misled by the will of an older session', () => {
    const view = createView();
    say(view, 'presence', presence(true, 2, 3));
    assert.equal(say(view, 'presence', presence(false, 2, 2)), 'unchanged');
    assert.equal(say(view, 'presence', presence(false, 1, 9)), 'unchanged');
    assert.equal(view.row(deviceId)?.online, true);
    assert.equal(say(view, 'presence', presence(false, 2, 3)), 'changed');
    assert.equal(view.row(deviceId)?.online, false);
    // A device with a new storage counts from 1 again.
    assert.equal(say(view, 'presence', presence(true, 1, 1)), 'changed');
    assert.equal(view.row(deviceId)?.online, true);
  });

  it('shows agreement, rightness and latencies of what is served', () => {
    const view = createView();
    say(view, 'state', state({ current: 10, candidate: 20 }));
    say(view, 'report', report({ window: 1, releases: [releaseReport({ windows: 1 })] }));
    say(view, 'report', report({ window: 2 }));
    const slot = view.row(deviceId)?.slots['vibration'];
    assert.deepEqual(slot?.agreement, { champion: 10, challenger: 20, windows: 4, agreements: 3 });
    assert.deepEqual(slot.right, { labelled: 2, right: 1 });
    assert.deepEqual(slot.labelsRefused, { 'label-late': 2 });
    assert.equal(slot.windows, 4);
    const sketch = new LogSketch(latencyShape);
    sketch.positive.set(120, 3).set(130, 1);
    assert.deepEqual(slot.latencyUs, {
      p50: Math.round(sketch.quantile(0.5) ?? 0),
      p95: Math.round(sketch.quantile(0.95) ?? 0),
    });
  });

  it('shows the latest event, whatever the order', () => {
    const view = createView();
    const event = (t: number, name: string): object => ({ t, event: name, slot: 'vibration' });
    assert.equal(say(view, 'events', event(2_000, 'promoted')), 'changed');
    assert.equal(say(view, 'events', event(1_000, 'committed')), 'unchanged');
    assert.equal(view.row(deviceId)?.slots['vibration']?.event, 'promoted');
  });

  it('ignores what is no message, and counts it', () => {
    const view = createView();
    for (const channel of ['presence', 'state', 'report', 'events'] as const) {
      assert.equal(say(view, channel, { nonsense: true }), 'ignored');
    }
    assert.equal(view.row(deviceId)?.ignored, 4);
    assert.equal(view.row(deviceId)?.lastSeen, undefined);
  });

  it('shows those who are not enrolled as such', () => {
    const view = createView();
    say(view, 'presence', presence(true, 1, 1), { from: 'stranger' });
    assert.deepEqual(
      view.rows.map((row) => [row.deviceId, row.enrolled]),
      [
        [deviceId, true],
        ['stranger', false],
      ],
    );
  });

  it('takes no more of one device that reports without end than of any other', () => {
    const view = createView();
    const classes = new Array<number>(8_192).fill(0);
    const began = performance.now();
    for (let i = 0; i < 3_000; i++) {
      // Ever new numbers, with gaps that never close.
      const numbers = { boot: Number.MAX_SAFE_INTEGER, window: 2 * i + 1 };
      say(
        view,
        'report',
        report({ ...numbers, releases: [releaseReport({ windows: i, classes })] }),
      );
      say(view, 'report', report({ boot: i, window: i, slot: `slot-${i}` }));
    }
    const row = view.row(deviceId);
    assert.equal(Object.keys(row?.slots ?? {}).length, 64);
    assert.ok(JSON.stringify(row).length < 65_536);
    assert.ok(performance.now() - began < 30_000);
  });

  it('counts the reports that did not come', () => {
    const view = createView();
    for (const window of [1, 2, 5, 9, 9, 7]) say(view, 'report', report({ window }));
    assert.equal(view.row(deviceId)?.reportsMissing, 4);
    say(view, 'report', report({ boot: 2, window: 1 }));
    assert.equal(view.row(deviceId)?.reportsMissing, 0);
  });

  it('shows the same after any reports, in any order, however often each comes, as long as the latest do', () => {
    const run = reports.chain((all) => {
      const latest = latestOf(all);
      return fc.tuple(
        fc.constant(all),
        fc.subarray([...all, ...all]).chain((some) =>
          fc.shuffledSubarray([...some, ...latest], {
            minLength: some.length + latest.length,
          }),
        ),
      );
    });
    fc.assert(
      fc.property(run, ([once, shuffled]) => {
        const [straight, scrambled] = [createView(), createView()];
        for (const each of once) say(straight, 'report', each);
        for (const each of shuffled) say(scrambled, 'report', each);
        const shown = scrambled.row(deviceId)?.slots;
        assert.deepEqual(shown, straight.row(deviceId)?.slots);
        for (const { slot, releases } of latestOf(once)) {
          assert.equal(shown?.[slot]?.windows, releases[0]?.windows);
        }
      }),
      { numRuns: 150 },
    );
  });
});

/** The latest report of each slot. */
function latestOf(all: readonly ReportMessage[]): readonly ReportMessage[] {
  const ascending = all.toSorted((a, b) => a.boot - b.boot || a.window - b.window);
  return [...new Map(ascending.map((each) => [each.slot, each])).values()];
}

/** Reports of one device with different (boot, window) each. */
const reports: fc.Arbitrary<readonly ReportMessage[]> = fc.uniqueArray(
  fc
    .record({
      boot: fc.integer({ min: 1, max: 3 }),
      window: fc.integer({ min: 1, max: 30 }),
      slot: fc.constantFrom('vibration', 'sound'),
      release: fc.integer({ min: 1, max: 3 }),
      windows: fc.integer({ min: 1, max: 50 }),
      agreements: fc.nat(50),
      bin: fc.integer({ min: 0, max: 400 }),
    })
    .map(({ release, windows, agreements, bin, ...rest }) =>
      report({
        ...rest,
        releases: [
          releaseReport({
            release,
            windows,
            classes: [windows],
            latency: { [String(bin)]: windows },
          }),
        ],
        pairs: [
          pairReport({
            champion: release,
            challenger: release + 1,
            windows,
            agreements: Math.min(windows, agreements),
            confusion: [],
          }),
        ],
      }),
    ),
  { selector: ({ boot, window }) => `${boot}/${window}`, minLength: 1, maxLength: 40 },
);
