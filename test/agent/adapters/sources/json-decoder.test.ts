import assert from 'node:assert/strict';
import fc from 'fast-check';
import { messageValues } from '../../../../agent/adapters/sources/decoder.js';
import { createJsonDecoder } from '../../../../agent/adapters/sources/json-decoder.js';
import { damaged, fuzzDecoder, outcomeOf } from './decoder-cases.js';

describe('the decoder of JSON', () => {
  const accepted: readonly (readonly [
    title: string,
    fields: string[],
    channels: number,
    message: string,
    values: number[],
  ])[] = [
    ['a number for each channel', ['/x', '/y'], 2, '{"x": 1, "y": -2.5}', [1, -2.5]],
    [
      'arrays of one length, frame by frame',
      ['/x', '/y'],
      2,
      '{"x":[1,2],"y":[3,4]}',
      [1, 3, 2, 4],
    ],
    ['one array of frames', ['/v'], 2, '{"v":[1,2,3,4]}', [1, 2, 3, 4]],
    ['the whole message', [''], 1, '[1, 2, 3]', [1, 2, 3]],
    ['a place in an array', ['/a/1/b'], 1, '{"a":[0,{"b":7}]}', [7]],
    ['escaped names (RFC 6901, 3)', ['/a~1b', '/m~0n'], 2, '{"a/b":1,"m~n":2}', [1, 2]],
    ['an empty name', ['/'], 1, '{"":5}', [5]],
    [
      'names that objects inherit, where the message has them',
      ['/constructor'],
      1,
      '{"constructor":3}',
      [3],
    ],
    ['__proto__, where the message has it', ['/__proto__/x'], 1, '{"__proto__":{"x":4}}', [4]],
    ['exponents', ['/x'], 1, '{"x":1e2}', [100]],
    ['the largest float32', ['/x'], 1, '{"x":3.4028234663852886e38}', [3.4028234663852886e38]],
    ['spaces and a line end around it', ['/x'], 1, ' {"x":1}\r', [1]],
  ];
  for (const [title, fields, channels, message, values] of accepted) {
    it(`takes ${title}`, () => {
      assert.deepEqual(outcomeOf(createJsonDecoder(fields, channels), message), values);
    });
  }

  const refused: readonly (readonly [title: string, fields: string[], channels: number, string])[] =
    [
      ['what is no JSON', ['/x'], 1, '{x: 1}'],
      ['NaN, which JSON does not have', ['/x'], 1, '{"x":NaN}'],
      ['nothing', ['/x'], 1, ''],
      ['a field that is missing', ['/x', '/y'], 2, '{"x":1}'],
      ['a text in place of a number', ['/x'], 1, '{"x":"1"}'],
      ['null', ['/x'], 1, '{"x":null}'],
      ['true', ['/x'], 1, '{"x":true}'],
      ['an object in place of a number', ['/x'], 1, '{"x":{"y":1}}'],
      ['an array with something else in it', ['/x'], 1, '{"x":[1,"2"]}'],
      ['arrays within arrays', ['/x'], 1, '{"x":[[1],[2]]}'],
      ['an empty array', ['/x'], 1, '{"x":[]}'],
      ['arrays of different lengths', ['/x', '/y'], 2, '{"x":[1,2],"y":[3]}'],
      ['a number beside an array', ['/x', '/y'], 2, '{"x":[1,2],"y":3}'],
      ['a number beyond every type', ['/x'], 1, '{"x":1e400}'],
      ['a number beyond float32', ['/x'], 1, '{"x":-3.5e38}'],
      ['the length of an array', ['/x/length'], 1, '{"x":[1,2]}'],
      ['the length of a text', ['/x/length'], 1, '{"x":"ab"}'],
      ['what objects inherit', ['/constructor/length'], 1, '{}'],
      ['__proto__, where the message has none', ['/__proto__/x'], 1, '{"x":1}'],
      ['an index with a leading zero (RFC 6901, 4)', ['/x/01'], 1, '{"x":[1,2]}'],
      ['the place after an array (RFC 6901, 4)', ['/x/-'], 1, '{"x":[1,2]}'],
      ['a place after the end of an array', ['/x/2'], 1, '{"x":[1,2]}'],
      ['two messages in one', ['/x'], 1, '{"x":1}{"x":2}'],
    ];
  for (const [title, fields, channels, message] of refused) {
    it(`refuses ${title}`, () => {
      assert.equal(outcomeOf(createJsonDecoder(fields, channels), message), 'sample-invalid');
    });
  }

  for (const [title, fields, channels, message] of [
    ['more fields than channels', ['/x', '/y'], 1, '{"x":1,"y":2}'],
    ['fewer fields than channels', ['/x', '/y'], 3, '{"x":1,"y":2}'],
    ['no whole frames', ['/v'], 2, '{"v":[1,2,3]}'],
  ] as const) {
    it(`refuses ${title} as what the release does not take`, () => {
      assert.equal(outcomeOf(createJsonDecoder(fields, channels), message), 'source-mismatch');
    });
  }

  it('refuses bytes that are no UTF-8', () => {
    const message = Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d);
    assert.equal(outcomeOf(createJsonDecoder(['/x'], 1), message), 'sample-invalid');
  });

  it('refuses deep nesting and too many numbers without falling over', () => {
    const decode = createJsonDecoder([''], 1);
    assert.equal(outcomeOf(decode, '['.repeat(2_000_000)), 'sample-invalid');
    const deep = `${'['.repeat(200_000)}1${']'.repeat(200_000)}`;
    assert.equal(outcomeOf(decode, deep), 'sample-invalid');
    const deepObject = createJsonDecoder(['/a/a'], 1);
    const objects = `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`;
    assert.equal(outcomeOf(deepObject, objects), 'sample-invalid');
    assert.equal(outcomeOf(decode, `[${'1,'.repeat(messageValues)}1]`), 'sample-invalid');
    assert.equal(outcomeOf(decode, ' '.repeat(4_194_305)), 'sample-invalid');
  });

  it('gives finite values or its code, whatever comes', () => {
    const good = new TextEncoder().encode(
      '{"x":[1,2.5e3,-0],"y":[3,4,1e38],"__proto__":{"z":[1,2,3]}}',
    );
    const decode = createJsonDecoder(['/x', '/y', '/__proto__/z'], 3);
    fuzzDecoder(decode, 3, 'sample-invalid', damaged(good));
    const anything = fc.json().map((text) => new TextEncoder().encode(text));
    fuzzDecoder(createJsonDecoder([''], 1), 1, 'sample-invalid', anything);
  });
});
