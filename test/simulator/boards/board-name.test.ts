import assert from 'node:assert/strict';
import fc from 'fast-check';
import { boardNameOf, isBoardName } from '../../../simulator/boards/board-name.js';

describe('the name of a board', () => {
  const rows = [
    ['plumerai@DISCO_F746NG', 'plumerai-disco-f746ng'],
    ['OctoML/microtvm_cmsis_nn@NUCLEO_L4R5ZI', 'octoml-microtvm-cmsis-nn-nucleo-l4r5zi'],
    ['--Board (2)--', 'board-2'],
    ['3dfx', 'board-3dfx'],
    ['../../etc/passwd', 'etc-passwd'],
    ['constructor', 'board-constructor'],
    ['', 'board'],
    ['例', 'board'],
  ] as const;
  for (const [entry, name] of rows) {
    it(`is ${name} for the entry “${entry}”`, () => {
      assert.equal(boardNameOf(entry), name);
    });
  }

  it('is allowed whatever the entry is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (entry) => {
        assert.ok(isBoardName(boardNameOf(entry)), boardNameOf(entry));
      }),
    );
  });
});
