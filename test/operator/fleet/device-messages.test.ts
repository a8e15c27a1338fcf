import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parsePresence } from '../../../protocol/messages/presence.js';
import { limits } from '../../../protocol/limits.js';
import { parseEvent, parseReport, parseState } from '../../../operator/fleet/device-messages.js';
import { encode, json, pairReport, releaseReport, report } from './device-words.js';

const state = {
  agent: '0.1.0',
  boot: 3,
  labels: { site: 'hall-2' },
  slots: { vibration: { current: 20, previous: 10, phase: 'committed', release: 20 } },
};
const event = { t: 1_790_000_000_000.5, event: 'rejected', slot: 'vibration', release: 30 };

describe('a message of a device', () => {
  it('is read as the agent has written it: state', () => {
    const parsed = parseState(json(state));
    assert.equal(parsed?.agent, '0.1.0');
    assert.deepEqual(parsed.labels, { site: 'hall-2' });
    const slot = parsed.slots.get('vibration');
    assert.deepEqual(
      [slot?.current, slot?.previous, slot?.candidate, slot?.phase, slot?.code],
      [20, 10, undefined, 'committed', undefined],
    );
  });

  it('is read as the agent has written it: report', () => {
    assert.deepEqual(parseReport(encode(report())), report());
  });

  it('is read as the agent has written it: event', () => {
    const parsed = parseEvent(json({ ...event, code: 'target-mismatch', reason: 'for others' }));
    assert.deepEqual([parsed?.t, parsed?.event], [event.t, 'rejected']);
    assert.deepEqual([parsed?.code, parsed?.reason], ['target-mismatch', 'for others']);
  });

  it('is read as the agent has written it: presence', () => {
    const presence = { online: true, boot: 2, connection: 5 };
    assert.deepEqual(parsePresence(json(presence)), presence);
  });

  it('may say more than this version knows', () => {
    assert.deepEqual(parseReport(encode({ ...report(), drift: [0.5] })), report());
    const older = parseReport(encode({ ...report(), labelsRefused: undefined }));
    assert.deepEqual(older?.labelsRefused, {});
    assert.equal(parseEvent(json({ ...event, event: 'dreaming' }))?.event, 'dreaming');
  });

  it('has no reason that could lead a terminal astray, or fill it', () => {
    const reason = `\x1b[2Jgone\n${'x'.repeat(2_000)}`;
    const parsed = parseEvent(json({ ...event, reason }));
    assert.match(parsed?.reason ?? '', /^\?\[2Jgone\?x+$/);
    assert.equal(parsed?.reason?.length, 512);
  });

  const [release] = report().releases;
  const wrong: readonly (readonly [what: string, parsed: unknown])[] = [
    ['no bytes', parseState(new Uint8Array())],
    ['a text', parseState(json('online'))],
    ['a list', parseReport(encode([report()]))],
    ['something behind its end', parseEvent(Uint8Array.of(...json(event), 0x31))],
    ['no agent', parseState(json({ ...state, agent: undefined }))],
    ['an agent that is no version', parseState(json({ ...state, agent: '\x1b[31m' }))],
    ['slots in a list', parseState(json({ ...state, slots: [] }))],
    ['a slot of a wrong name', parseState(json({ ...state, slots: { 'a/b': {} } }))],
    [
      'a sequence that is no number',
      parseState(json({ ...state, slots: { a: { current: 'x' } } })),
    ],
    ['a phase with spaces', parseState(json({ ...state, slots: { a: { phase: 'all well' } } }))],
    ['too many labels', parseState(json({ ...state, labels: manyLabels() }))],
    ['a negative boot', parseState(json({ ...state, boot: -1 }))],
    ['a time before the epoch', parseEvent(json({ ...event, t: -1 }))],
    ['a time that is none', parseEvent(json({ ...event, t: 1e16 }))],
    [
      'a time beyond all numbers',
      parseEvent(new TextEncoder().encode('{"t": 1e999, "event": "rejected"}')),
    ],
    ['a fraction of a window', parseReport(encode(report({ window: 1.5 })))],
    [
      'a mode of its own',
      parseReport(encode(report({ releases: [{ ...release, mode: 'x' } as never] }))),
    ],
    [
      'a negative count',
      parseReport(encode(report({ releases: [releaseReport({ failures: -1 })] }))),
    ],
    [
      'a count beyond all counts',
      parseReport(encode(report({ releases: [releaseReport({ windows: 1e15 })] }))),
    ],
    [
      'more right than labelled',
      parseReport(encode(report({ releases: [releaseReport({ right: 3 })] }))),
    ],
    [
      'more answers than windows',
      parseReport(encode(report({ releases: [releaseReport({ classes: [5] })] }))),
    ],
    [
      'more latencies than windows',
      parseReport(encode(report({ releases: [releaseReport({ latency: { '1': 5 } })] }))),
    ],
    [
      'a bin that is no number',
      parseReport(encode(report({ releases: [releaseReport({ latency: { __proto__x: 1 } })] }))),
    ],
    [
      'more agreements than windows',
      parseReport(encode(report({ pairs: [pairReport({ agreements: 5 })] }))),
    ],
    [
      'a confusion that is no square',
      parseReport(encode(report({ pairs: [pairReport({ confusion: [1, 2] })] }))),
    ],
    ['a cause that is no code', parseReport(encode(report({ labelsRefused: { 'a b': 1 } })))],
    ['a presence of texts', parsePresence(json({ online: 'yes', boot: 1, connection: 1 }))],
  ];
  for (const [what, parsed] of wrong) {
    it(`is none with ${what}`, () => {
      assert.equal(parsed, undefined);
    });
  }

  it('is none where it is too large, however right it is', () => {
    const padded = (bytes: number): Uint8Array => json({ ...event, padding: 'x'.repeat(bytes) });
    assert.notEqual(parseEvent(padded(limits.deviceMessageBytes - 200)), undefined);
    assert.equal(parseEvent(padded(limits.deviceMessageBytes)), undefined);
  });

  it('takes neither stack nor memory by what it announces', () => {
    const nested = new Uint8Array(limits.deviceMessageBytes).fill(0x81);
    const announced = Uint8Array.of(0xba, 0xff, 0xff, 0xff, 0xff, 0x61, 0x61);
    for (const bytes of [nested, announced]) assert.equal(parseReport(bytes), undefined);
    const { deviceMessageBytes, jsonValues } = limits;
    for (const text of [
      '['.repeat(deviceMessageBytes),
      '{"a":'.repeat(deviceMessageBytes / 5),
      `{"agent": [${'0,'.repeat(jsonValues / 2)}`,
    ]) {
      for (const parse of [parseState, parseEvent, parsePresence]) {
        assert.equal(parse(new TextEncoder().encode(text)), undefined);
      }
    }
  });

  it('is a value or undefined, whatever the bytes', () => {
    const originals = [json(state), encode(report()), json(event)];
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.nat(originals.length - 1),
        fc.array(change, { minLength: 1, maxLength: 8 }),
        (which, changes) => {
          const bytes = (originals[which] ?? new Uint8Array()).slice();
          for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
          for (const parse of [parseState, parseReport, parseEvent, parsePresence]) parse(bytes);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

function manyLabels(): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`label-${i}`, 'x']));
}
