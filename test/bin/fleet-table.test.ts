import assert from 'node:assert/strict';
import { drawFleet, type TableFrame } from '../../bin/fleet-table.js';
import type { FleetRow, SlotRow } from '../../operator/fleet/fleet-view.js';

const frame: TableFrame = { columns: 120, rows: 24, nowMs: 100_000, slot: undefined };

const slotRow: SlotRow = {
  current: 10,
  previous: undefined,
  candidate: 20,
  phase: 'shadow',
  release: 20,
  code: undefined,
  reason: undefined,
  agreement: { champion: 10, challenger: 20, windows: 1_000, agreements: 999 },
  right: { labelled: 3, right: 2 },
  labelsRefused: {},
  windows: 1_000,
  latencyUs: { p50: 1_240, p95: 3_000 },
  event: undefined,
  lastSeen: 95_000,
};

function device(deviceId: string, change: Partial<FleetRow> = {}): FleetRow {
  return {
    deviceId,
    enrolled: true,
    online: true,
    agent: '0.1.0',
    labels: {},
    lastSeen: 95_000,
    ignored: 0,
    reportsMissing: 0,
    slots: { vibration: slotRow },
    ...change,
  };
}

describe('the table of a fleet', () => {
  it('has a line for each device, and a summary', () => {
    const silent = device('press-8', { online: undefined, lastSeen: undefined, slots: {} });
    assert.deepEqual(drawFleet([device('press-7'), silent], frame), [
      'device   online  release  phase   code  agreement      right       p50/p95       seen',
      'press-7  yes     10 > 20  shadow        99.9% of 1000  66.6% of 3  1.24/3.00 ms  5 s',
      'press-8  never   -        -             -              -           -             -',
      '2 devices, 1 online, 1 never heard of, 1 shadow, 1 run 10',
    ]);
  });

  it('tells in one line how many true labels were refused, and why, and still fits', () => {
    const refused = (labelsRefused: SlotRow['labelsRefused']): FleetRow['slots'] => ({
      vibration: { ...slotRow, labelsRefused },
    });
    const rows = [
      device('a', { slots: refused({ 'label-late': 2 }) }),
      device('b', { slots: refused({ 'label-class-unknown': 4, 'label-late': 1 }) }),
      ...Array.from({ length: 40 }, (_, i) => device(`press-${i}`)),
    ];
    const lines = drawFleet(rows, { ...frame, rows: 10 });
    assert.equal(lines.length, 10);
    assert.equal(lines.at(-1), 'labels refused: 4 label-class-unknown, 3 label-late');
    for (const height of [3, 4, 5])
      assert.ok(drawFleet(rows, { ...frame, rows: height }).length <= height);
  });

  it('says 100 % only where it is all of them', () => {
    const agreement = { champion: 10, challenger: 20, windows: 100_000, agreements: 99_999 };
    const [, line] = drawFleet(
      [device('a', { slots: { vibration: { ...slotRow, agreement } } })],
      frame,
    );
    assert.match(line ?? '', /99\.9% of 100000/);
  });

  it('names slots where there are several, and shows one where it is asked to', () => {
    const rows = [device('a', { slots: { sound: slotRow, vibration: slotRow } })];
    assert.match(drawFleet(rows, frame)[0] ?? '', /^device {2}slot/);
    assert.equal(drawFleet(rows, frame).length, 4);
    const one = drawFleet(rows, { ...frame, slot: 'sound' });
    assert.ok(!one.some((line) => line.includes('vibration')));
    assert.equal(one.length, 3);
  });

  it('fits the terminal: columns are left out, lines are cut, devices are counted', () => {
    const rows = Array.from({ length: 40 }, (_, i) => device(`press-${i}`));
    for (const [columns, height] of [
      [100, 24],
      [60, 10],
      [30, 5],
      [8, 3],
    ] as const) {
      const lines = drawFleet(rows, { ...frame, columns, rows: height });
      assert.ok(lines.length <= height, `${lines.length} lines of ${height}`);
      for (const line of lines) assert.ok(line.length <= columns, line);
    }
    const [heading, ...rest] = drawFleet(rows, { ...frame, columns: 60, rows: 10 });
    assert.equal(heading, 'device    online  release  phase   code  agreement');
    assert.equal(rest.at(-2), '... and 33 more');
  });

  it('marks who is not enrolled, and counts what was ignored and what did not come', () => {
    const row = device('a', { enrolled: false, ignored: 3, reportsMissing: 2 });
    const lines = drawFleet([row], frame);
    assert.match(lines[1] ?? '', /yes \(not enrolled\)/);
    assert.match(lines[2] ?? '', /3 messages ignored, 2 reports missing$/);
  });
});
