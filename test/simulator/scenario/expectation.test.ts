import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readExpectation, type Expectation } from '../../../simulator/scenario/expectation.js';
import { everyDevice } from '../../../simulator/scenario/selector.js';

const read = (given: unknown): Expectation => {
  const result = readExpectation(given);
  assert.ok(result.ok, result.ok ? '' : result.rejection.detail);
  return result.value;
};

const hall = {
  kind: 'selector',
  conditions: [{ key: 'site', isOneOf: true, values: ['hall-1'] }],
};
const atTheEnd = { kind: 'at the end' };

describe('an expectation', () => {
  const terms: readonly (readonly [
    text: string,
    term: unknown,
    operator: string,
    value: unknown,
  ])[] = [
    ['rollout(r).ends = promoted', { kind: 'rollout', rollout: 'r', of: 'ends' }, '=', 'promoted'],
    ['rollout(r).ends != held', { kind: 'rollout', rollout: 'r', of: 'ends' }, '!=', 'held'],
    [
      'rollout(r-2).reason = sample-ratio',
      { kind: 'rollout', rollout: 'r-2', of: 'reason' },
      '=',
      'sample-ratio',
    ],
    ['rollout(r).served <= 25 %', { kind: 'rollout', rollout: 'r', of: 'served' }, '<=', 0.25],
    ['rollout(r).wrong < -3', { kind: 'rollout', rollout: 'r', of: 'wrong' }, '<', -3],
    ['rollout(r).stay = 0', { kind: 'rollout', rollout: 'r', of: 'stay' }, '=', 0],
    ['share(devices, site = hall-1) >= 95 %', { kind: 'share', where: hall }, '>=', 0.95],
    ['share(devices,all)>=95%', { kind: 'share', where: everyDevice }, '>=', 0.95],
    ['count(devices, site=hall-1) > 3', { kind: 'count', where: hall }, '>', 3],
    ['windows.lost = 0', { kind: 'windows', of: 'lost' }, '=', 0],
    ['windows.completed>1000', { kind: 'windows', of: 'completed' }, '>', 1_000],
    [
      'events(code = block-missing) > 0',
      { kind: 'events', code: 'block-missing', where: everyDevice },
      '>',
      0,
    ],
    [
      'events(code=block-missing and site = hall-1) = 0',
      { kind: 'events', code: 'block-missing', where: hall },
      '=',
      0,
    ],
    ['messages(topic = results) >= 10', { kind: 'messages', topic: 'results' }, '>=', 10],
    ['bytes(topic = blocks) < 10 MiB', { kind: 'bytes', topic: 'blocks' }, '<', 10_485_760],
    ['bytes(topic = blocks) < 1000', { kind: 'bytes', topic: 'blocks' }, '<', 1_000],
    ['reports.missing = 0', { kind: 'reports.missing' }, '=', 0],
    ['energy.joules(site = hall-1) < 2.5', { kind: 'energy.joules', where: hall }, '<', 2.5],
    ['wear.max < 0.1', { kind: 'wear.max' }, '<', 0.1],
  ];
  for (const [text, term, operator, value] of terms) {
    it(`is read from ${text}`, () => {
      assert.deepEqual(read(text), {
        text,
        sometimes: false,
        anyOf: [{ term, operator, value, when: atTheEnd }],
      });
    });
  }

  const times: readonly (readonly [text: string, when: unknown])[] = [
    ['', atTheEnd],
    [' always', { kind: 'always' }],
    [' within 8 h', { kind: 'within', ms: 28_800_000 }],
    [' within  1.5 min', { kind: 'within', ms: 90_000 }],
    [' at 0', { kind: 'at', ms: 0 }],
    [' after 1 day', { kind: 'after', ms: 86_400_000 }],
  ];
  for (const [text, when] of times) {
    it(`has its time in${text || ' nothing'}`, () => {
      for (const given of [`windows.lost = 0${text}`, `rollout(r).ends = promoted${text}`]) {
        assert.deepEqual(
          read(given).anyOf.map((clause) => clause.when),
          [when],
        );
      }
    });
  }

  it('may be a map of one key, read as KEY = VALUE, or a key alone', () => {
    assert.deepEqual(read({ 'windows.lost': '0' }), read('windows.lost = 0'));
    assert.deepEqual(
      read({ 'rollout(r).ends': 'promoted within 8 h' }),
      read('rollout(r).ends = promoted within 8 h'),
    );
    const text = 'share(devices, site = hall-1) >= 95 %';
    assert.deepEqual(read({ [text]: null }), read(text));
    assert.deepEqual(read({ [text]: '' }), read(text));
  });

  it('may have to hold sometimes only', () => {
    const expected = { ...read('windows.lost = 0'), sometimes: true };
    assert.deepEqual(read({ sometimes: 'windows.lost = 0' }), expected);
    assert.deepEqual(read({ sometimes: { 'windows.lost': '0' } }), expected);
  });

  it('may be one of several, each with its time', () => {
    const text =
      'rollout(r).ends = promoted within 8 h or rollout(r).ends = aborted or wear.max = 0';
    const { anyOf } = read(text);
    assert.deepEqual(
      anyOf.map(({ when }) => when.kind),
      ['within', 'at the end', 'at the end'],
    );
  });

  for (const given of [
    '',
    'or',
    'windows.lost',
    'windows.lost =',
    'windows.lost = 0 or',
    'windows.lost == 0',
    'windows.lost = none',
    'windows.lost = 0 sometimes',
    'windows.lost = 0 within',
    'windows.lost = 0 within -1 h',
    'windows.lost = 0 within 1 h..2 h',
    'windows.lost = 0 within 8',
    'windows.lost = 0 always within 8 h',
    'windows.lost = 0..5',
    'windows.found = 0',
    'windows(lost) = 0',
    'rollout(r) = promoted',
    'rollout().ends = promoted',
    'rollout(R).ends = promoted',
    'rollout(r).ends = finished',
    'rollout(r).ends > promoted',
    'rollout(r).reason = because',
    'rollout(r).served = 0.5',
    'rollout(r).wrong = 5 %',
    'share(devices) > 5 %',
    'share(windows, all) > 5 %',
    'share(devices, hall = 1) > 5 %',
    'share(devices, all) > 5',
    'count(devices, all) > 5 %',
    'events(code = no-such-code) = 0',
    'events(code = constructor) = 0',
    'events(code != block-missing) = 0',
    'events(site = hall-1) = 0',
    'events(code = block-missing and) = 0',
    'messages(topic = parcels) = 0',
    'messages(results) = 0',
    'reports.missing() = 0',
    'energy.joules = 0',
    'wear.max(all) = 0',
    'constructor = 0',
    'windows.lost = 0\nwindows.cut = 0',
    'x'.repeat(20_000),
    null,
    [],
    ['windows.lost = 0'],
    {},
    { 'windows.lost': '0', 'windows.cut': '0' },
    { 'windows.lost': ['0'] },
    { sometimes: '' },
    { sometimes: null },
    { sometimes: { sometimes: 'windows.lost = 0' } },
    { sometimes: 'windows.lost = 0', 'windows.cut': '0' },
  ]) {
    it(`is refused as ${JSON.stringify(given).slice(0, 60)}`, () => {
      const result = readExpectation(given);
      assert.ok(!result.ok, JSON.stringify(result));
      assert.equal(result.rejection.code, 'scenario-invalid');
      assert.match(result.rejection.detail, /^must /);
    });
  }

  it('is read or refused with a code, whatever is given', () => {
    const piece = fc.constantFrom(
      ...[
        'windows.lost',
        'rollout(r).ends',
        ' = ',
        '>=',
        '0',
        ' within ',
        '8 h',
        ' or ',
        ' always',
      ],
      ...['share(devices, ', 'site = a', ')', '(', 'promoted', '%', ' at ', ' and ', '\n', '.ends'],
      ...['events(code = block-missing', 'energy.joules(', ' ', '\u0000'],
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 9 }).map((all) => all.join('')),
    );
    const given = fc.oneof(
      text,
      fc.dictionary(text, fc.oneof(text, fc.constant(null)), { maxKeys: 2 }),
      fc.record({ sometimes: text }),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(given, (value) => {
        const result = readExpectation(value);
        if (result.ok) assert.ok(result.value.anyOf.length > 0);
        else assert.equal(result.rejection.code, 'scenario-invalid');
      }),
      { numRuns: 5_000 },
    );
  });
});
