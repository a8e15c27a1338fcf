import assert from 'node:assert/strict';
import fc from 'fast-check';
import { csvLine, parseCsv } from '../../../operator/field/csv.js';
import { parseLabelFile } from '../../../operator/field/label-file.js';

describe('A table of comma-separated values', () => {
  it('is read as it was written, whatever its cells hold', () => {
    const cell = fc.string().map((text) => text.replaceAll('\0', ''));
    const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 5 }), { minLength: 1 });
    fc.assert(
      fc.property(rows, (table) => {
        assert.deepEqual(parseCsv(table.map(csvLine).join('')), table);
      }),
    );
  });

  it('is refused where a quote has no end', () => {
    assert.equal(parseCsv('a,"b\n1,2'), undefined);
  });
});

describe('A file of labels', () => {
  it('names its columns in any order, beside others, and leaves out what has no label', () => {
    const text =
      '\ufefflabel,who,window,boot,device\r\n"a, b",me,12,3,press-7\r\n,me,13,3,press-7\r\n';
    assert.deepEqual(parseLabelFile(text), [
      { deviceId: 'press-7', boot: 3, window: 12, label: 'a, b' },
    ]);
  });

  const wrong = [
    '',
    'device,boot,window\npress-7,1,2',
    'device,boot,window,label\npress/7,1,2,normal',
    'device,boot,window,label\npress-7,one,2,normal',
    'device,boot,window,label\npress-7,1,-2,normal',
    'device,boot,window,label\npress-7,1,1e3,normal',
    `device,boot,window,label\npress-7,1,2,${'x'.repeat(257)}`,
    'device,boot,window,label\npress-7,1,2,"normal',
  ];
  for (const text of wrong) {
    it(`is refused: ${JSON.stringify(text.slice(0, 60))}`, () => {
      assert.throws(() => parseLabelFile(text), { code: 'labels-unreadable' });
    });
  }
});
