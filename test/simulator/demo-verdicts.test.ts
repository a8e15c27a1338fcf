import assert from 'node:assert/strict';
import type {
  DeviceEvidence,
  EvidenceBlock,
  FleetEvidence,
} from '../../operator/verdict/evidence.js';
import { judge } from '../../operator/verdict/judge.js';
import { demoPlan } from '../../simulator/demo/rollout-chapter.js';
import { Prng } from '../../simulator/prng.js';
import { conditions } from '../../simulator/signals/condition.js';
import { environments } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import type { DemoVersion } from './demo-documents.js';
import { DemoRelease } from './demo-release.js';

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
/** The fleet of `tinylamp demo`, without the real agent. */
const devices = 47;
/** That each device closes: what the slower verdict of the two takes. */
const blocks = 24;

/** What its rollouts come to is decided by the machines that a seed draws: here without broker and clock. */
describe('The verdict on a demo model, for the fleets of twenty seeds', function () {
  this.timeout(300_000);
  for (const [champion, challenger, expected] of [
    ['v1', 'v2', 'safe'],
    ['v2', 'v3', 'harm'],
  ] as const) {
    it(`is ${expected} for ${challenger} in the shadow of ${champion}`, async () => {
      const models = await Promise.all([champion, challenger].map(load));
      for (const seed of seeds) {
        const { verdict, reason } = judge(await compare(seed, models));
        assert.equal(verdict, expected, `seed ${seed}: ${reason}`);
      }
    });
  }
});

function load(version: DemoVersion): Promise<DemoRelease> {
  return DemoRelease.load(version);
}

/** What each device of the demo finds out of the same windows, in blocks. */
async function compare(seed: number, models: readonly DemoRelease[]): Promise<FleetEvidence> {
  const { terms } = demoPlan;
  const prng = Prng.fromSeed(seed);
  const samples = new Float32Array(256 * 3);
  const fleet: DeviceEvidence[] = [];
  for (let i = 0; i < devices; i++) {
    const truth = i % conditions.length;
    const condition = conditions[truth] ?? 'normal';
    const signal = new VibrationSignal(environments.field, condition, prng.fork(i).fork(0));
    const shadow: EvidenceBlock[] = [];
    for (let block = 0; block < blocks; block++) {
      let [onlyChampionRight, onlyChallengerRight] = [0, 0];
      for (let window = 0; window < terms.blockWindows; window++) {
        signal.next(samples);
        const [championIsRight = false, challengerIsRight = false] = await Promise.all(
          models.map(async (model) => (await model.answer(samples)).index === truth),
        );
        if (championIsRight && !challengerIsRight) onlyChampionRight++;
        if (challengerIsRight && !championIsRight) onlyChallengerRight++;
      }
      const counts = { onlyChampionRight, onlyChallengerRight, windows: terms.blockWindows };
      shadow.push({ ...counts, unlabelled: 0, served: 0, policy: 1 });
    }
    fleet.push({ id: `sim-${i}`, asked: true, present: true, shadow, served: [] });
  }
  return {
    terms: { ...terms, steps: 1 },
    devices: fleet,
    unmet: [],
    holds: [],
    names: { champion: 'the champion', challenger: 'the challenger' },
  };
}
