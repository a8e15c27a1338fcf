import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeJson, type JsonValue } from '../../../protocol/json/decode.js';
import { limits } from '../../../protocol/limits.js';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (text: string): JsonValue | undefined => decodeJson(bytesOf(text), 65_536);

describe('JSON from a stranger', () => {
  it('is read as maps, lists and plain values', () => {
    assert.deepEqual(
      decode('{"a": [1, "x", null, {"b": true}]}'),
      new Map([['a', [1, 'x', null, new Map([['b', true]])]]]),
    );
  });

  it('has no member that it did not bring, whatever its names', () => {
    const value = decode('{"__proto__": {"online": true}, "constructor": 1}');
    assert.ok(value instanceof Map);
    assert.deepEqual([...value.keys()], ['__proto__', 'constructor']);
    assert.equal(value.get('online'), undefined);
  });

  it('is read up to its bounds, and not beyond', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    assert.notEqual(decode(nested(limits.jsonDepth)), undefined);
    assert.equal(decode(nested(limits.jsonDepth + 1)), undefined);
    const many = (values: number): string =>
      `[${Array(values - 1)
        .fill('0')
        .join(',')}]`;
    assert.notEqual(decode(many(limits.jsonValues - 1)), undefined);
    assert.equal(decode(many(limits.jsonValues + 1)), undefined);
    assert.notEqual(decodeJson(bytesOf('"four"'), 6), undefined);
    assert.equal(decodeJson(bytesOf('"four"'), 5), undefined);
  });

  it('may have brackets and commas without end in its texts', () => {
    const text = JSON.stringify(`\\"${'[{,'.repeat(20_000)}`);
    assert.equal(typeof decode(text), 'string');
  });

  for (const text of ['', '{', '[1,]', '{"a"}', "'a'", 'NaN', '1 2', '"\\', ']]]]', '{"a":1}}']) {
    it(`is not ${text || 'nothing'}`, () => {
      assert.equal(decode(text), undefined);
    });
  }

  it('is not bytes that are no text', () => {
    assert.equal(decodeJson(Uint8Array.of(0x22, 0xff, 0x22), 100), undefined);
  });

  it('comes out as it went in where it is within bounds', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        assert.deepEqual(decode(JSON.stringify(value)), toMaps(JSON.parse(JSON.stringify(value))));
      }),
    );
  });

  it('is a value or undefined, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeJson(bytes, 1_000);
      }),
    );
  });
});

function toMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toMaps);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([name, each]) => [name, toMaps(each)]));
}
