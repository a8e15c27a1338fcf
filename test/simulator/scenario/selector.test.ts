import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  everyDevice,
  matches,
  readSelector,
  type DeviceFacts,
  type Selector,
} from '../../../simulator/scenario/selector.js';

const facts: DeviceFacts = {
  id: 'sim-00007',
  site: 'hall-1',
  group: 'group-1',
  profile: 'pi4',
  class: 'gateway',
  link: 'lte-m',
  release: 'v2',
  phase: undefined,
  condition: 'bearing-fault',
  labelled: 'true',
};

const read = (text: string): Selector => {
  const result = readSelector(text);
  assert.ok(result.ok, result.ok ? '' : result.rejection.detail);
  return result.value;
};

describe('a selector', () => {
  const cases: readonly (readonly [text: string, matches: boolean])[] = [
    ['all', true],
    ['site = hall-1', true],
    ['site=hall-1', true],
    ['site =hall-1', true],
    ['  site  =  hall-1  ', true],
    ['site = hall-2', false],
    ['site != hall-2', true],
    ['site!=hall-1', false],
    ['site in [hall-1, hall-2]', true],
    ['site in[hall-2,hall-1]', true],
    ['site in [hall-2]', false],
    ['site = hall-1 and link = lte-m and release != v1', true],
    ['site = hall-1 and link = wifi', false],
    ['id in [sim-00001, sim-00007] and labelled = true', true],
    ['condition = bearing-fault', true],
    // What is not known equals nothing.
    ['phase = trial', false],
    ['phase != trial', true],
    ['phase in [trial, shadow]', false],
  ];
  for (const [text, expected] of cases) {
    it(`${expected ? 'selects' : 'leaves out'} a device by ${text}`, () => {
      assert.equal(matches(read(text), facts), expected);
    });
  }

  it('is a value with conditions', () => {
    assert.deepEqual(read('site in [a, b] and link != wifi'), {
      kind: 'selector',
      conditions: [
        { key: 'site', isOneOf: true, values: ['a', 'b'] },
        { key: 'link', isOneOf: false, values: ['wifi'] },
      ],
    });
    assert.deepEqual(read('all'), everyDevice);
  });

  for (const text of [
    '',
    'site',
    'site =',
    '= hall-1',
    'site == hall-1',
    'site < hall-1',
    'hall = 1',
    'Site = hall-1',
    'site = hall-1 and',
    'site = hall-1 and and link = wifi',
    'condition = looseness or imbalance',
    'condition = not looseness',
    'site = a, b',
    'site in []',
    'site in [a,]',
    'site in a',
    'site in [a',
    'site not in [a]',
    'phase = flying',
    'labelled = yes',
    'site = [a]',
    'constructor = a',
    `site = ${'a'.repeat(20_000)}`,
  ]) {
    it(`is refused as ${JSON.stringify(text.slice(0, 40))}`, () => {
      const result = readSelector(text);
      assert.ok(!result.ok);
      assert.equal(result.rejection.code, 'scenario-invalid');
      assert.match(result.rejection.detail, /^must /);
    });
  }

  it('is read or refused with a code, whatever the text', () => {
    const piece = fc.constantFrom(
      ...['site', 'id', 'phase', ' = ', '=', '!=', ' in ', '[', ']', ', ', ' and ', 'hall-1', ' '],
      ...['trial', 'all', '\n', "'", '(', ')', '\u0000', '<'],
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 12 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (given) => {
        const result = readSelector(given);
        if (result.ok) assert.equal(typeof matches(result.value, facts), 'boolean');
        else assert.equal(result.rejection.code, 'scenario-invalid');
      }),
      { numRuns: 5_000 },
    );
  });

  it('selects by each condition alone where several are joined', () => {
    const condition = fc
      .tuple(
        fc.constantFrom('site', 'link', 'group', 'release'),
        fc.constantFrom('=', '!='),
        fc.constantFrom('hall-1', 'lte-m', 'v2', 'x'),
      )
      .map((parts) => parts.join(' '));
    fc.assert(
      fc.property(fc.array(condition, { minLength: 1, maxLength: 4 }), (conditions) => {
        const alone = conditions.map((text) => matches(read(text), facts));
        assert.equal(matches(read(conditions.join(' and ')), facts), alone.every(Boolean));
      }),
    );
  });
});
