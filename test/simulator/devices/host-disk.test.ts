import assert from 'node:assert/strict';
import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import type { Storage } from '../../../agent/ports/storage.js';
import { createDurableDisk, type HostDisk } from '../../../simulator/devices/host-disk.js';
import { SharedContents } from '../../../simulator/devices/shared-contents.js';
import { VirtualTime } from '../../../simulator/time/virtual-time.js';

const name = `images/${'a'.repeat(64)}`;
const content = (): Uint8Array => new Uint8Array(4_096).fill(7);

describe('the disks of a fleet', () => {
  const time = new VirtualTime();
  const contents = new SharedContents(createNodeCrypto());
  const create = (): { readonly disk: HostDisk; readonly storage: Storage } => {
    const disk = createDurableDisk(contents);
    const nothing = (): void => undefined;
    const storage = disk.createStorage({
      storageBytes: 1_048_576,
      lane: time.createLane(1),
      meter: { write: nothing, writeAt: nothing, move: nothing, remove: nothing },
      beforeOperation: () => 'go',
    });
    return { disk, storage };
  };

  it('hold what is the same once, however it came there', () => {
    const [a, b] = [create(), create()];
    void a.storage.write(name, content());
    void b.storage.writeAt('partial/x', 0, content());
    void b.storage.move('partial/x', name);
    assert.equal(a.disk.read(name), b.disk.read(name));
  });

  it('rot each by itself', () => {
    const [a, b] = [create(), create()];
    for (const { storage } of [a, b]) void storage.write(name, content());
    a.disk.corrupt(name, content().fill(8));
    assert.equal(b.disk.read(name)?.[0], 7);
    // Nor does a file that is written further take the others along.
    void a.storage.writeAt(name, 0, Uint8Array.of(9));
    assert.equal(b.disk.read(name)?.[0], 7);
  });
});
