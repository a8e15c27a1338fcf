import assert from 'node:assert/strict';
import { Classes } from '../../../../agent/core/inference/classes.js';

describe('The classes of a release', () => {
  const rows: readonly (readonly [what: string, classes: Classes, yes: string[], no: string[]])[] =
    [
      [
        'are its labels, letter by letter',
        new Classes(2, ['normal', 'bearing fault']),
        ['normal', 'bearing fault'],
        ['Normal', 'normal ', '', '0', 'bearing'],
      ],
      [
        'are the indexes in digits where it has no labels',
        new Classes(12, []),
        ['0', '9', '11'],
        ['12', '-1', '01', '1.0', ' 1', '1e0', '', 'normal', '٣'],
      ],
      ['are none where it decides nothing', new Classes(0, ['normal']), [], ['normal', '0', '']],
    ];
  for (const [what, classes, yes, no] of rows) {
    it(what, () => {
      for (const label of yes) assert.ok(classes.has(label), label);
      for (const label of no) assert.ok(!classes.has(label), label);
    });
  }
});
