import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeCbor } from '../../../protocol/cbor/encode.js';
import { expectOk } from '../../../protocol/coded-error.js';
import { limits } from '../../../protocol/limits.js';
import {
  encodeCapturedWindow,
  parseCapturedWindow,
  samplesOf,
} from '../../../protocol/messages/captured-window.js';
import { encodeCommand, parseCommand, requests } from '../../../protocol/messages/command.js';
import {
  encodeResponse,
  parseResponse,
  type ResponseContent,
} from '../../../protocol/messages/response.js';
import type { Result } from '../../../protocol/result.js';
import { withField } from '../../helpers/documents.js';

const codeOf = (result: Result<unknown>): string => (result.ok ? 'ok' : result.rejection.code);

const count = fc.nat(Number.MAX_SAFE_INTEGER);
const windowId = fc.record({ boot: count, window: count });
const correlation = fc.uint8Array({ minLength: 8, maxLength: 16 });
const label = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' });
const answer = fc.oneof(
  fc.constant({ label: undefined, scorePermille: undefined }),
  fc.record({ label, scorePermille: fc.option(fc.integer(), { nil: undefined }) }),
);
const entry = fc.record({
  boot: count,
  window: count,
  t: count,
  champion: answer,
  challenger: answer,
});
const truth = fc.option(label, { nil: undefined });

const command = fc.record({
  deviceId: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
  slot: fc.stringMatching(/^[a-z0-9_-]{1,32}$/),
  correlation,
  deadlineMs: count,
  request: fc.constantFrom(...requests),
  windows: fc.array(windowId, { maxLength: limits.commandWindows }),
});

const piece = fc
  .record({
    boot: count,
    window: count,
    offset: fc.nat(1000),
    more: fc.nat(1000),
    bytes: fc.uint8Array(),
  })
  .map(({ more, ...rest }) => ({ ...rest, of: rest.offset + rest.bytes.length + more }));

const content: fc.Arbitrary<ResponseContent> = fc.oneof(
  fc.constant({
    kind: 'refused' as const,
    rejection: { code: 'capture-off' as const, detail: 'slot vibration' },
  }),
  fc.array(fc.tuple(entry, truth), { maxLength: 20 }).map((all) => ({
    kind: 'disagreements' as const,
    entries: all.map(([each, known]) => ({ ...each, truth: known })),
  })),
  fc.array(fc.tuple(windowId, fc.nat(limits.captureFileBytes)), { maxLength: 20 }).map((all) => ({
    kind: 'captured' as const,
    windows: all.map(([id, bytes]) => ({ ...id, bytes })),
  })),
  fc.array(piece, { maxLength: 20 }).map((pieces) => ({ kind: 'capture' as const, pieces })),
);

const response = fc.record({
  deviceId: fc.constant('press-7'),
  slot: fc.constant('vibration'),
  correlation,
  part: fc.constant(2),
  parts: fc.integer({ min: 3, max: limits.responseParts }),
  content,
});

const sample = encodeCommand({
  deviceId: 'press-7',
  slot: 'vibration',
  correlation: new Uint8Array(8),
  deadlineMs: 1,
  request: 'capture',
  windows: [{ boot: 1, window: 2 }],
});
const answerSample = encodeResponse({
  deviceId: 'press-7',
  slot: 'vibration',
  correlation: new Uint8Array(8),
  part: 0,
  parts: 1,
  content: {
    kind: 'capture',
    pieces: [{ boot: 1, window: 2, offset: 4, of: 8, bytes: new Uint8Array(4) }],
  },
});
const windowSample = encodeCapturedWindow({
  entry: {
    boot: 1,
    window: 2,
    t: 3,
    champion: { label: 'normal', scorePermille: 900 },
    challenger: { label: undefined, scorePermille: undefined },
  },
  truth: 'bearing wear',
  frames: 2,
  channels: 3,
  samples: samplesOf(Float32Array.of(0, 1.5, -2, 3, 4, 5)),
});

describe('Commands and their answers', () => {
  it('are after a way over the wire what they were before', () => {
    fc.assert(
      fc.property(command, (before) => {
        assert.deepEqual(expectOk(parseCommand(encodeCommand(before))), structuredClone(before));
      }),
    );
    fc.assert(
      fc.property(response, (before) => {
        assert.deepEqual(expectOk(parseResponse(encodeResponse(before))), structuredClone(before));
      }),
    );
  });

  it('carry float32 in the order of little-endian machines', () => {
    const { samples, frames, channels } = expectOk(parseCapturedWindow(windowSample));
    assert.deepEqual([frames, channels], [2, 3]);
    assert.deepEqual([...samples.subarray(0, 8)], [0, 0, 0, 0, 0, 0, 0xc0, 0x3f]);
  });

  const wrong: readonly (readonly [what: string, result: Result<unknown>, code: string])[] = [
    ['a command of another format', parseCommand(withField(sample, [0], 2)), 'document-invalid'],
    ['an unknown request', parseCommand(withField(sample, [5], 3)), 'document-invalid'],
    [
      'a short correlation',
      parseCommand(withField(sample, [3], new Uint8Array(7))),
      'document-invalid',
    ],
    ['a device with a wildcard', parseCommand(withField(sample, [1], '+')), 'document-invalid'],
    ['a negative window', parseCommand(withField(sample, [6], [[1, -1]])), 'document-invalid'],
    ['a key that nobody knows', parseCommand(withField(sample, [7], 1)), 'document-invalid'],
    [
      'more windows than are answered',
      parseCommand(
        withField(
          sample,
          [6],
          Array.from({ length: 65 }, () => [1, 1]),
        ),
      ),
      'document-invalid',
    ],
    [
      'a large command',
      parseCommand(new Uint8Array(limits.commandBytes + 1)),
      'document-too-large',
    ],
    ['a part behind the last', parseResponse(withField(answerSample, [4], 1)), 'document-invalid'],
    [
      'a piece behind the end',
      parseResponse(withField(answerSample, [7], [[1, 2, 9, 8, new Uint8Array()]])),
      'document-invalid',
    ],
    [
      'a piece over the end',
      parseResponse(withField(answerSample, [7], [[1, 2, 4, 8, new Uint8Array(5)]])),
      'document-invalid',
    ],
    ['items of another kind', parseResponse(withField(answerSample, [6], 1)), 'document-invalid'],
    [
      'a refusal without a code of ours',
      parseResponse(
        encodeCbor(
          new Map<number, number | string | Uint8Array | readonly string[]>([
            [0, 1],
            [1, 'a'],
            [2, 'b'],
            [3, new Uint8Array(8)],
            [4, 0],
            [5, 1],
            [6, 0],
            [7, ['constructor', '']],
          ]),
        ),
      ),
      'document-invalid',
    ],
    ['a large part', parseResponse(new Uint8Array(limits.responseBytes + 1)), 'document-too-large'],
    [
      'samples that are no window',
      parseCapturedWindow(withField(windowSample, [2], 3)),
      'document-invalid',
    ],
  ];
  for (const [what, result, code] of wrong) {
    it(`refuse ${what}`, () => {
      assert.equal(codeOf(result), code);
    });
  }

  it('refuse any 20,000 changed or cut messages with a code, and never throw', () => {
    const parsers = [
      [sample, parseCommand],
      [answerSample, parseResponse],
      [windowSample, parseCapturedWindow],
    ] as const;
    fc.assert(
      fc.property(
        fc.nat(2),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(),
        (which, changes, cut) => {
          const [whole = sample, parse = parseCommand] = parsers[which] ?? [];
          const bytes = whole.slice(0, cut % 3 === 0 ? cut % whole.length : whole.length);
          for (const [at, value] of changes) bytes[at % Math.max(1, bytes.length)] = value;
          const result = parse(bytes);
          assert.ok(result.ok || result.rejection.code.length > 0);
        },
      ),
      { numRuns: 20_000 },
    );
  });
});
