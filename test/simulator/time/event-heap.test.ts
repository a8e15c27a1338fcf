import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EventHeap, type TimedEvent } from '../../../simulator/time/event-heap.js';

const event = fc.record({
  dueMs: fc.integer({ min: 0, max: 5 }),
  lane: fc.integer({ min: 0, max: 3 }),
  order: fc.nat({ max: 1_000 }),
});

/** Events that are alike in all of it may come in any order. */
const keyOf = (event: TimedEvent | undefined): unknown[] => [
  event?.dueMs,
  event?.lane,
  event?.order,
];

const byAge = (a: TimedEvent, b: TimedEvent): number =>
  a.dueMs - b.dueMs || a.lane - b.lane || a.order - b.order;

describe('the heap of events', () => {
  it('gives events by instant, lane and age, whatever the order in which they came', () => {
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const heap = new EventHeap<TimedEvent>();
        for (const each of events) heap.push(each);
        const taken = events.map(() => keyOf(heap.pop()));
        assert.deepEqual(taken, [...events].sort(byAge).map(keyOf));
        assert.equal(heap.size, 0);
      }),
    );
  });

  it('gives the rest in order where some were taken out, and others came in between', () => {
    fc.assert(
      fc.property(fc.array(event), fc.array(event), (before, after) => {
        const heap = new EventHeap<TimedEvent>();
        for (const each of before) heap.push(each);
        heap.keep(({ lane }) => lane !== 1);
        for (const each of after) heap.push(each);
        const rest = [...before.filter(({ lane }) => lane !== 1), ...after].sort(byAge);
        assert.deepEqual(
          rest.map(() => keyOf(heap.pop())),
          rest.map(keyOf),
        );
      }),
    );
  });
});
