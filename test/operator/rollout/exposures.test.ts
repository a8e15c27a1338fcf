import assert from 'node:assert/strict';
import fc from 'fast-check';
import { experimentName, isExposed } from '../../../protocol/assignment/bucket.js';
import { fromHex } from '../../../protocol/bytes.js';
import { everyone } from '../../../protocol/documents/policy.js';
import { exposuresOf } from '../../../operator/rollout/exposures.js';

const salt = '0102030405060708';
const idsOf = (devices: number): readonly string[] =>
  Array.from({ length: devices }, (_, i) => `press-${i}`);
const servedBy = (exposure: number, of: string, deviceIds: readonly string[]): number => {
  const name = experimentName(fromHex(of));
  return deviceIds.filter((deviceId) => isExposed(name, deviceId, exposure)).length;
};

describe('the exposures of a rollout', () => {
  it('are those of the plan where each serves enough devices', () => {
    const planned = [1_000, 2_500, 5_000, 10_000];
    assert.deepEqual(exposuresOf(planned, salt, idsOf(1_000)), planned);
  });

  it('are 3 and 10 devices of ten where 10, 30 and 100 % are planned', () => {
    const ids = idsOf(10);
    const exposures = exposuresOf([1_000, 3_000, 10_000], salt, ids);
    assert.deepEqual(
      exposures.map((exposure) => servedBy(exposure, salt, ids)).filter((served) => served < 3),
      [],
    );
    assert.equal(exposures.at(-1), everyone);
  });

  for (const devices of [0, 1, 2, 3]) {
    it(`end with everyone in a fleet of ${devices}, and serve all who are there at once`, () => {
      const ids = idsOf(devices);
      const exposures = exposuresOf([1_000, 10_000], salt, ids);
      assert.equal(exposures.at(-1), everyone);
      for (const exposure of exposures) assert.equal(servedBy(exposure, salt, ids), devices);
    });
  }

  it('rise, are distinct, end with everyone, and serve three devices at least or all, whatever the lots are', () => {
    const anyPlan = fc
      .uniqueArray(fc.integer({ min: 1, max: everyone - 1 }), { maxLength: 6 })
      .map((shares) => [...shares.sort((a, b) => a - b), everyone]);
    const anySalt = fc
      .uint8Array({ minLength: 8, maxLength: 8 })
      .map((bytes) => Buffer.from(bytes).toString('hex'));
    fc.assert(
      fc.property(
        anyPlan,
        anySalt,
        fc.integer({ min: 0, max: 60 }),
        (planned, anyones, devices) => {
          const ids = idsOf(devices);
          const exposures = exposuresOf(planned, anyones, ids);
          assert.equal(exposures.at(-1), everyone);
          for (const [i, exposure] of exposures.entries()) {
            assert.ok(exposure > (exposures[i - 1] ?? 0));
            assert.ok(servedBy(exposure, anyones, ids) >= Math.min(3, devices));
          }
        },
      ),
    );
  });
});
