import assert from 'node:assert/strict';
import { parseLabelMessage } from '../../../protocol/messages/label.js';

const parse = (text: string) => parseLabelMessage(new TextEncoder().encode(text));

describe('A label message', () => {
  it('names a window and its true label; what else it says is its own affair', () => {
    assert.deepEqual(parse('{"boot": 3, "window": 12, "label": "normal", "by": "inspector"}'), {
      ok: true,
      value: { boot: 3, window: 12, label: 'normal', slot: undefined },
    });
    const named = parse('{"boot": 3, "window": 12, "label": "normal", "slot": "vibration"}');
    assert.equal(named.ok && named.value.slot, 'vibration');
  });

  for (const text of [
    '',
    '{',
    'null',
    '12',
    '"normal"',
    '[]',
    '{"boot": 3, "window": 12}',
    '{"boot": 3, "label": "normal"}',
    '{"window": 12, "label": "normal"}',
    '{"boot": "3", "window": 12, "label": "normal"}',
    '{"boot": 3, "window": "12", "label": "normal"}',
    '{"boot": 3, "window": 1.5, "label": "normal"}',
    '{"boot": 3, "window": 1e300, "label": "normal"}',
    '{"boot": 3, "window": 12, "label": null}',
    '{"boot": 3, "window": 12, "label": "normal", "slot": 1}',
    `{"boot": 3, "window": 12, "label": "${'x'.repeat(1_024)}"}`,
    '['.repeat(1_024),
  ]) {
    it(`is not ${text.slice(0, 40) || 'nothing'}`, () => {
      const parsed = parse(text);
      assert.equal(parsed.ok ? 'taken' : parsed.rejection.code, 'label-invalid');
    });
  }

  it('is not what has bytes that are no text', () => {
    const bytes = Uint8Array.from([0x7b, 0xff, 0xfe, 0x7d]);
    const parsed = parseLabelMessage(bytes);
    assert.equal(parsed.ok ? 'taken' : parsed.rejection.code, 'label-invalid');
  });
});
