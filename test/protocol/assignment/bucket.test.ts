import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bucket, experimentName, isExposed } from '../../../protocol/assignment/bucket.js';
import { requires } from '../../helpers/requires.js';
import { vectorCases } from '../statistics/vectors.js';

const fleet = Array.from({ length: 20_000 }, (_, i) => `d${i}`);

describe('bucket', () => {
  const rows = [
    { device: 'gw-0001', exposure: 9650, arm: 2809 },
    { device: 'gw-0002', exposure: 3850, arm: 8507 },
    { device: 'gw-0007', exposure: 8941, arm: 95 },
    { device: 'gw-0008', exposure: 666, arm: 4365 },
  ];
  for (const { device, exposure, arm } of rows) {
    it(`gives ${device} the lots that every other implementation gives it`, () => {
      assert.equal(bucket('kws-v7/exposure', device), exposure);
      assert.equal(bucket('kws-v7/arm', device), arm);
    });
  }

  it('is uniform over devices', () => {
    const tenths = new Array<number>(10).fill(0);
    for (const device of fleet) {
      const tenth = Math.floor(bucket('exp/exposure', device) / 1000);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    // Four standard deviations of a count of mean 2000.
    for (const count of tenths) assert.ok(Math.abs(count - 2000) < 4 * Math.sqrt(2000 * 0.9));
  });

  describe('beside the reference vectors', () => {
    before(function () {
      requires(this, 'shared');
    });

    it('gives their devices the same lots', () => {
      const cases = vectorCases<{ expId: string; deviceId: string; exposure: number; arm: number }>(
        'device_bucket_recommended',
      );
      for (const { expId, deviceId, exposure, arm } of cases) {
        assert.equal(bucket(`${expId}/exposure`, deviceId), exposure);
        assert.equal(bucket(`${expId}/arm`, deviceId), arm);
      }
    });
  });
});

describe('assignment', () => {
  it('takes nobody out when a ramp grows', () => {
    const salts = fc.uint8Array({ minLength: 8, maxLength: 8 }).map(experimentName);
    fc.assert(
      fc.property(salts, fc.string(), share(), share(), (salt, device, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        if (isExposed(salt, device, less)) assert.ok(isExposed(salt, device, more));
      }),
    );
  });

  it('takes nobody at 0 and everybody at 10000', () => {
    for (const device of fleet.slice(0, 1000)) {
      assert.ok(!isExposed('x', device, 0));
      assert.ok(isExposed('x', device, 10_000));
    }
  });

  it('draws every experiment and device independently', () => {
    const experiments: readonly ((device: string) => boolean)[] = [
      (device) => isExposed('x', device, 5000),
      (device) => isExposed('y', device, 5000),
      (device) => isExposed('z', device, 5000),
    ];
    experiments.forEach((one, i) => {
      for (const other of experiments.slice(i + 1)) {
        assertShare(
          fleet.filter((device) => one(device) && other(device)).length,
          fleet.length,
          0.25,
        );
      }
    });
  });

  it('names an experiment by the hexadecimal of its salt', () => {
    assert.equal(
      experimentName(Uint8Array.of(0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff)),
      '00010203fcfdfeff',
    );
  });

  describe('beside the reference vectors', () => {
    before(function () {
      requires(this, 'shared');
    });

    it('exposes their hundred thousand devices in the same numbers', () => {
      const [expected] = vectorCases<{
        exposure_decile_counts: number[];
        exposed_at_5pct: number;
      }>('hash_uniformity_and_independence');
      assert.ok(expected);
      const experiment = 'kws-v7';
      const devices = Array.from({ length: 100_000 }, (_, i) => `d${i}`);
      const exposed = devices.filter((device) => isExposed(experiment, device, 500));
      assert.equal(exposed.length, expected.exposed_at_5pct);
    });
  });
});

function share(): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: 10_000 });
}

/** Asserts that a count is within four standard deviations of its expected share. */
function assertShare(count: number, total: number, expected: number): void {
  const deviation = Math.sqrt(total * expected * (1 - expected));
  assert.ok(Math.abs(count - total * expected) < 4 * deviation, `${count} of ${total}`);
}
