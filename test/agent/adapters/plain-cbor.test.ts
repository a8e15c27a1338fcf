import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import process from 'node:process';
import fc from 'fast-check';
import { createPlainCbor } from '../../../agent/adapters/plain-cbor.js';

describe('Plain CBOR', () => {
  const cbor = createPlainCbor();
  const hex = (value: unknown): string => Buffer.from(cbor.encode(value)).toString('hex');

  it('has no tags and no records: any library reads it', () => {
    assert.equal(hex({ a: 1 }), 'a1616101');
    assert.equal(hex(Uint8Array.of(1, 2)), '420102');
    assert.equal(hex([{ a: 1 }, { a: 2 }]), '82a1616101a1616102');
    assert.equal(hex(new Map<number, unknown>([[-2, 'x']])), 'a1216178');
    assert.equal(hex([true, null, 'ü']), '83f5f662c3bc');
  });

  it('gives bytes that later calls do not change', () => {
    const first = cbor.encode({ a: 1 });
    cbor.encode({ b: 2 });
    assert.equal(Buffer.from(first).toString('hex'), 'a1616101');
  });

  it('gives back what it was given', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        fc.integer(),
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        fc.double({ noNaN: true }),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), tie('any'), {
          maxKeys: 4,
          noNullPrototype: true,
        }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (each) => {
        assert.deepEqual(cbor.decode(cbor.encode(each)), each);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('runs where code may not be made from strings', () => {
    const module = new URL('../../../agent/adapters/plain-cbor.js', import.meta.url);
    const script = `import { createPlainCbor } from ${JSON.stringify(module.href)};
      const cbor = createPlainCbor();
      process.stdout.write(JSON.stringify(cbor.decode(cbor.encode({ a: [1, { b: 2 }] }))));`;
    const printed = execFileSync(
      process.execPath,
      ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script],
      { encoding: 'utf8' },
    );
    assert.equal(printed, '{"a":[1,{"b":2}]}');
  });
});
