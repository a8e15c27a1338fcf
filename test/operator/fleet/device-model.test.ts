import assert from 'node:assert/strict';
import { DeviceModel } from '../../../operator/fleet/device-model.js';

describe('The model of a device', () => {
  const birth = { online: true, boot: 3, connection: 2 };

  it('is not there before it was ever heard of', () => {
    const { online, state, heardMs } = new DeviceModel();
    assert.deepEqual([online, state, heardMs], [undefined, undefined, undefined]);
  });

  it('is there after its birth, also where the will of an older session comes later', () => {
    const model = new DeviceModel();
    assert.equal(model.takePresence(birth), true);
    for (const older of [
      { boot: 3, connection: 1 },
      { boot: 2, connection: 9 },
    ]) {
      assert.equal(model.takePresence({ online: false, ...older }), false);
      assert.equal(model.online, true);
    }
  });

  it('is away after the will of its session', () => {
    const model = new DeviceModel();
    model.takePresence(birth);
    assert.equal(model.takePresence({ ...birth, online: false }), true);
    assert.equal(model.online, false);
  });

  it('is there after a birth with lower numbers: its storage may be new', () => {
    const model = new DeviceModel();
    model.takePresence(birth);
    model.takePresence({ ...birth, online: false });
    model.takePresence({ online: true, boot: 1, connection: 1 });
    assert.equal(model.online, true);
  });
});
