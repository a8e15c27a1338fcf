import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { CodedError } from '../../../protocol/coded-error.js';
import { parseBoard } from '../../../simulator/boards/board-file.js';
import {
  loadBoard,
  shippedBoard,
  shippedBoardNames,
} from '../../../simulator/boards/shipped-boards.js';
import { linkKinds } from '../../../simulator/broker/link-kinds.js';

const lines = {
  board: 'board: mine',
  class: 'class: mcu',
  ram: 'ram: { arena: 320 KiB }',
  flash: 'flash: { bytes: 2 MiB, image: 512 KiB, writesPerBlock: 10000 }',
  compute: 'compute: { conv: 57.5 ns, other: 68 ns, fc: 38 ns, perOperator: 2 us }',
  radio:
    'radio: { kind: lte-m, up: 300 kbit/s, down: 200 kbit/s, latency: 80..400 ms, energy: 1.2 uJ/bit }',
  power: 'power: { battery: 9 Wh, active: 40 mW, sleep: 20 uW, dutyCycle: 1/60 }',
};

const fileWith = (change: Partial<Record<keyof typeof lines, string>> = {}): string =>
  Object.values({ ...lines, ...change }).join('\n');

const read = (change: Partial<Record<keyof typeof lines, string>> = {}) =>
  parseBoard(fileWith(change), 'mine.yaml');

describe('the file of a board', () => {
  it('gives its values in base units', () => {
    assert.deepEqual(read(), {
      name: 'mine',
      class: 'mcu',
      limits: { arenaBytes: 327_680, imageBytes: 524_288, storageBytes: 2_097_152 },
      flash: { bytes: 2_097_152, blockBytes: 4_096, writesPerBlock: 10_000 },
      rates: { convNs: 57.5, otherNs: 68, fullyConnectedNs: 38, operatorUs: 2 },
      link: 'lte-m',
      linkTerms: {
        up: { bitPerS: 300_000, latencyMs: [80, 400] },
        down: { bitPerS: 200_000, latencyMs: [80, 400] },
        loss: 0,
      },
      radioJPerBit: 1.2e-6,
      power: { batteryJ: 32_400, activeW: 0.04, sleepW: 20e-6, dutyCycle: 1 / 60 },
    });
  });

  it('has the usual link, an awake device and no battery where these are left out', () => {
    const board = read({
      radio: 'radio: { kind: nb-iot, energy: 5 nJ/bit }',
      power: 'power: { active: 3 W, sleep: 2 W }',
    });
    assert.deepEqual(board.linkTerms, linkKinds['nb-iot']);
    assert.deepEqual(board.power, { batteryJ: undefined, activeW: 3, sleepW: 2, dutyCycle: 1 });
  });

  it('has rates in their usual relation where only one is given', () => {
    const rates = { convNs: 40, otherNs: 60, fullyConnectedNs: 45, operatorUs: 0 };
    assert.deepEqual(read({ compute: 'compute: { conv: 40 ns }' }).rates, rates);
    assert.deepEqual(read({ compute: 'compute: { other: 60 ns }' }).rates, rates);
    assert.deepEqual(read({ compute: 'compute: { fc: 45 ns }' }).rates, rates);
  });

  const flash = (keys: string): string =>
    `flash: { image: 512 KiB, writesPerBlock: 10000, ${keys} }`;
  const wrong: readonly (readonly [part: keyof typeof lines, line: string, says: RegExp])[] = [
    ['board', 'board: My Board', /line 1: board must be a name of a-z/],
    [
      'board',
      'bord: mine',
      /line 1: bord is no key that is known here; there are board, class, ram/,
    ],
    ['class', '', /class is missing/],
    [
      'ram',
      'ram: { arena: 320 }',
      /line 3: ram\.arena must be a size .*1 KiB to 1024 MiB; it is "320"/,
    ],
    ['ram', 'ram: { arena: 320 KiB, heap: 1 KiB }', /line 3: ram\.heap is no key/],
    ['ram', 'ram: 320 KiB', /line 3: ram must be a map of the keys arena/],
    ['flash', flash('bytes: 256 KiB'), /line 4: flash must have an image that is not above bytes/],
    ['flash', flash('bytes: 2 MiB, block: 4 MiB'), /line 4: flash must have a block/],
    ['flash', 'flash: { bytes: 2 MiB, image: 1 KiB }', /line 4: flash\.writesPerBlock is missing/],
    ['compute', 'compute: { perOperator: 2 us }', /line 5: compute must have conv, other or fc/],
    ['compute', 'compute: { conv: 57.5 }', /line 5: compute\.conv must be a time such as 57\.5 ns/],
    ['compute', 'compute: { conv: 0 ns }', /line 5: compute\.conv must be a time/],
    ['compute', 'compute: { conv: 1..2 ns }', /line 5: compute\.conv must be a time/],
    [
      'radio',
      'radio: { kind: 5g, energy: 1 nJ/bit }',
      /line 6: radio\.kind must be one of ethernet,/,
    ],
    [
      'radio',
      'radio: { kind: wifi, energy: 1 nJ/bit, latency: 5 ms }',
      /latency must be .*20 ms to/,
    ],
    ['radio', 'radio: { kind: wifi, energy: 1 nJ }', /line 6: radio\.energy must be an energy/],
    ['power', 'power: { active: 40 mW, sleep: 20 uA }', /line 7: power\.sleep must be a power/],
    ['power', 'power: { active: 4 W, sleep: 1 W, dutyCycle: 61/60 }', /dutyCycle must be a share/],
    ['power', 'power: { active: 4 W, sleep: 1 W, dutyCycle: 1/0 }', /dutyCycle must be a share/],
    ['power', 'power: { active: 4 W, sleep: 1 W, dutyCycle: 0 % }', /dutyCycle must be a share/],
    ['power', 'power: [', /line 7/],
  ];
  for (const [part, line, says] of wrong) {
    it(`is refused with line, key and what is allowed for “${line}”`, () => {
      assert.throws(() => read({ [part]: line }), isInvalid(says));
    });
  }

  it('names every mistake', () => {
    const says = /line 3: ram\.arena [^]*line 6: radio\.energy/;
    assert.throws(
      () => read({ ram: 'ram: { arena: x }', radio: 'radio: { kind: wifi, energy: x }' }),
      isInvalid(says),
    );
  });

  it('is a board or refused, whatever stands in it', () => {
    const parts = fc.constantFrom(
      ...Object.values(lines).flatMap((line) => line.split(/(?=[ :{},])/)),
    );
    const text = fc.oneof(
      fc.array(parts).map((all) => all.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (given) => {
        try {
          parseBoard(given, 'any');
        } catch (error) {
          assert.ok(error instanceof CodedError && error.code === 'board-invalid', String(error));
        }
      }),
    );
  });
});

describe('a board from a file', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-boards-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('is read', () => {
    const file = path.join(folder, 'mine.yaml');
    writeFileSync(file, fileWith());
    assert.deepEqual(loadBoard(file), read());
  });

  it('is refused where the file is not there, is not UTF-8 or is too large', () => {
    const file = path.join(folder, 'other.yaml');
    assert.throws(() => loadBoard(file), { code: 'file-unreadable' });
    writeFileSync(file, Uint8Array.of(0x62, 0xff));
    assert.throws(() => loadBoard(file), isInvalid(/other\.yaml is not UTF-8/));
    writeFileSync(file, '#'.repeat(1_048_577));
    assert.throws(() => loadBoard(file), { code: 'file-unreadable' });
  });
});

describe('the shipped boards', () => {
  it('are the usual gateway, a battery device and the seven entries of MLPerf Tiny', () => {
    assert.deepEqual(shippedBoardNames(), [
      'nucleo-l4r5',
      'octoml-microtvm-cmsis-nn-nucleo-l4r5zi',
      'octoml-microtvm-native-nucleo-l4r5zi',
      'pi4',
      'plumerai-disco-f746ng',
      'plumerai-nucleo-l4r5zi',
      'reference-nucleo-l4r5zi',
      'stmicroelectronics-nucleo-h7a3zi-q',
      'stmicroelectronics-nucleo-l4r5zi',
    ]);
  });

  for (const name of shippedBoardNames()) {
    it(`has ${name}, which loads under its own name`, () => {
      assert.equal(shippedBoard(name).name, name);
    });
  }

  it('are named where another one is asked for', () => {
    for (const name of ['esp32', '../shipped/pi4', '']) {
      assert.throws(() => shippedBoard(name), isInvalid(/there is no board .*; there are .*pi4/));
    }
  });
});

function isInvalid(says: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof CodedError, String(error));
    assert.equal(error.code, 'board-invalid');
    assert.match(error.message, says);
    return true;
  };
}
