import assert from 'node:assert/strict';
import type { Outcome } from '../../../simulator/simulation/outcome.js';
import { demoRelease, runText } from './scenario-runner.js';

const run = (entries: string, expectations: string): Promise<Outcome> =>
  runText(`
name: test
duration: 20 min
period: 10 s
fleet:
  - {count: 4, sensor: {kind: vibration, environment: laboratory}}
releases:
${demoRelease('v1', 1)}${demoRelease('v2', 2)}${demoRelease('v3', 3)}
timeline:
  - {at: 0, publish: v1}
  - {at: 5 min, publish: v2}
${entries}
expect:
  - windows.lost = 0
${expectations}
`);

describe('a broker of a scenario', () => {
  it('that shows old documents again is refused, and put right by the next publication', async () => {
    const { exit, reason } = await run(
      `  - {at: 8 min, fault: {broker: replay, age: 7 min}}
  - {at: 12 min, publish: v3}`,
      `  - events(code = policy-replayed) = 4
  - events(code = beacon-replayed) = 4
  - share(devices, release = v2) = 100 % at 11 min
  - share(devices, release = v3) = 100 %`,
    );
    assert.equal(exit, 0, reason);
  });

  it('that shows what is older than anything shows nothing', async () => {
    const { exit, reason } = await run(
      '  - {at: 6 min, fault: {broker: replay, age: 1 day}}',
      '  - share(devices, release = v2) = 100 %',
    );
    assert.equal(exit, 0, reason);
  });

  for (const [what, code] of [
    ['policies', undefined],
    ['manifests', 'manifest-missing'],
    ['blocks', 'block-missing'],
  ] as const) {
    it(`that withholds ${what} keeps a release away until it is over`, async () => {
      const { exit, reason } = await run(
        `  - {at: 4 min, fault: {broker: withhold, what: ${what}, for: 6 min}}`,
        `  - share(devices, release = v1) = 100 % at 10 min
  - share(devices, release = v2) = 100 %
${code === undefined ? '' : `  - events(code = ${code}) >= 4`}`,
      );
      assert.equal(exit, 0, reason);
    });
  }

  it('that withholds the beacon keeps no release away', async () => {
    const { exit, reason } = await run(
      '  - {at: 4 min, fault: {broker: withhold, what: beacon, for: 6 min}}',
      '  - share(devices, release = v2) = 100 % within 7 min',
    );
    assert.equal(exit, 0, reason);
  });
});
