import assert from 'node:assert/strict';
import fc from 'fast-check';
import { WearMeter } from '../../../simulator/boards/wear-meter.js';

const flash = (blocks: number): WearMeter =>
  new WearMeter({ bytes: 4_096 * blocks, blockBytes: 4_096 });

describe('the wear of flash', () => {
  it('is nothing before something is written', () => {
    const meter = flash(8);
    meter.remove('state/a');
    meter.move('state/a', 'state/b');
    meter.write('empty/file', 0);
    assert.equal(meter.mostWrites, 0);
  });

  it('is spread over all free blocks where one small file is written again and again', () => {
    const meter = flash(8);
    for (let i = 1; i <= 80; i++) {
      meter.write('state/a', 100);
      assert.equal(meter.mostWrites, Math.ceil(i / 8));
    }
  });

  it('is the greater the less room is left, and old wear stays', () => {
    const meter = flash(8);
    meter.write('images/one', 6 * 4_096);
    for (let i = 0; i < 80; i++) meter.write('state/a', 100);
    assert.equal(meter.mostWrites, 40);
    meter.remove('images/one');
    for (let i = 0; i < 48; i++) meter.write('state/a', 100);
    assert.equal(meter.mostWrites, 46);
  });

  it('is that of the blocks that a piece of a file touches', () => {
    const meter = flash(4);
    meter.writeAt('partial/x', 0, 4_096);
    meter.writeAt('partial/x', 4_096, 4_096);
    assert.equal(meter.mostWrites, 1);
    meter.writeAt('partial/x', 4_000, 200);
    assert.equal(meter.mostWrites, 1);
    meter.writeAt('partial/x', 4_000, 200);
    assert.equal(meter.mostWrites, 2);
    meter.writeAt('partial/x', 4_000, 0);
    assert.equal(meter.mostWrites, 2);
  });

  it('goes with a file that is moved, and frees what it replaces', () => {
    const meter = flash(2);
    for (let i = 0; i < 10; i++) {
      meter.write('state/next', 10);
      meter.move('state/next', 'state/a');
    }
    assert.equal(meter.mostWrites, 5);
  });

  it('is that of one block where the flash is full', () => {
    const meter = flash(1);
    for (let i = 0; i < 10; i++) meter.write('state/a', 10);
    assert.equal(meter.mostWrites, 10);
  });

  it('is never below an even share of all writes, nor above their number', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const bytes = fc.nat({ max: 3 * 4_096 });
    const step = fc.oneof(
      fc.record({ what: fc.constant('write' as const), name, bytes }),
      fc.record({ what: fc.constant('writeAt' as const), name, bytes }),
      fc.record({ what: fc.constant('move' as const), name, to: name }),
      fc.record({ what: fc.constant('remove' as const), name }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const meter = flash(32);
        let writes = 0;
        for (const each of steps) {
          if (each.what === 'write') meter.write(each.name, each.bytes);
          else if (each.what === 'writeAt') meter.writeAt(each.name, 0, each.bytes);
          else if (each.what === 'move') meter.move(each.name, each.to);
          else meter.remove(each.name);
          if (each.what === 'write' || each.what === 'writeAt')
            writes += Math.ceil(each.bytes / 4_096);
          assert.ok(meter.mostWrites >= writes / 32 && meter.mostWrites <= writes);
        }
      }),
    );
  });
});
