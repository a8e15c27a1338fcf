import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readYamlTexts } from '../../../agent/adapters/yaml.js';

describe('readYamlTexts', () => {
  it('leaves every scalar as it was written, also in a document of YAML 1.1', () => {
    const scalars = 'yes no on off true null ~ 0x10 010 1e3 1_000 .inf 12:30 2026-01-01';
    const list = scalars.split(' ');
    for (const head of ['', '%YAML 1.1\n---\n']) {
      assert.deepEqual(readYamlTexts(`${head}[${list.join(', ')}]`).value, list);
    }
  });

  it('gives an empty text for an empty value, and null for a key alone in a flow map', () => {
    assert.deepEqual(readYamlTexts('a:\nb: {c}').value, { a: '', b: { c: null } });
  });

  it('says on which line a value or its key stands', () => {
    const { lineOf } = readYamlTexts('a: 1\nb:\n  - c: 2\n    d:\n      e\n  - f\n');
    assert.deepEqual(
      [[], ['a'], ['b'], ['b', 0, 'c'], ['b', 0, 'd'], ['b', 1]].map(lineOf),
      [1, 1, 2, 3, 4, 6],
    );
  });

  it('says the line of what is nearest where a path leads nowhere', () => {
    const { lineOf } = readYamlTexts('\na: 1\nb:\n  - c\n');
    assert.deepEqual([['b', 7], ['b', 0, 'x', 1], ['z']].map(lineOf), [3, 4, 2]);
    assert.equal(readYamlTexts('').lineOf(['a']), 1);
  });

  it('follows aliases to the lines of what they stand for', () => {
    const { lineOf, value } = readYamlTexts('a: &x\n  b: 1\nc: *x\n');
    assert.deepEqual(value, { a: { b: '1' }, c: { b: '1' } });
    assert.equal(lineOf(['c', 'b']), 2);
  });

  const refused: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['a key twice', 'a: 1\nb: 2\na: 3', /^line 3: map keys must be unique$/],
    ['a bracket without end', 'a: 1\nb: [1, 2', /^line 2: /],
    ['two documents', 'a: 1\n---\nb: 2', /^line 2: /],
    ['a tag', 'a: 1\nb: !!int 5', /^line 2: Unresolved tag/],
    ['a list as a key', 'a: 1\n? [b]\n: 2', /^line 2: /],
    ['an alias without an anchor', 'a: 1\nb: *c', /^line 2: an alias has no anchor before it$/],
    ['an alias before its anchor', 'b: *c\na: &c 1', /^line 1: an alias has no anchor/],
    ['an alias within its anchor', 'a: 1\nb: &b [{c: *b}]', /^line 2: an alias is part of what it/],
    ['brackets within brackets', `a: 1\nb: ${'['.repeat(40)}`, /^line 2: .*nested too deeply$/],
  ];
  for (const [what, text, message] of refused) {
    it(`refuses ${what}, with the line`, () => {
      assert.throws(() => readYamlTexts(text), { message });
    });
  }

  it('refuses aliases of aliases that stand for too much, and takes many of one anchor', () => {
    const list = (name: string) => `[${Array.from({ length: 20 }, () => `*${name}`).join(', ')}]`;
    const bomb = `a: &a [1, 2]\nb: &b ${list('a')}\nc: &c ${list('b')}\nd: ${list('c')}\n`;
    assert.throws(() => readYamlTexts(bomb), {
      message: 'line 1: the aliases of the file stand for too much',
    });
    const many = `a: &a {b: 1}\nc: [${Array.from({ length: 900 }, () => '*a').join(', ')}]`;
    assert.equal((readYamlTexts(many).value as { c: unknown[] }).c.length, 900);
  });

  it('reads any text, or refuses it with a line', () => {
    const token = fc.constantFrom(
      ...['a', 'b: ', '- ', '\n', '  ', '{', '}', '[', ']', ', ', '&x ', '*x', '"', "'", '|\n'],
      ...['? ', ': ', '#', '!', '%', '---\n', '...', '__proto__: ', '\u0000', '\ud800', '\t', '>'],
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 40 }), (tokens) => {
        try {
          const { value, lineOf } = readYamlTexts(tokens.join(''));
          for (const path of [[], ['a'], ['b', 0, 'a'], [0, 'b']]) assert.ok(lineOf(path) >= 1);
          if (value !== null) assert.ok(['string', 'object'].includes(typeof value));
        } catch (error) {
          assert.match((error as Error).message, /^line \d+: /);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
