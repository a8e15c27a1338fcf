import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { conditions } from '../../simulator/signals/condition.js';
import { environments, type Environment } from '../../simulator/signals/environment.js';
import {
  demoModels,
  demoVersions,
  readReference,
  readReport,
  type DemoVersion,
} from './demo-documents.js';
import { DemoRelease } from './demo-release.js';
import { accuracyOf, answersOf, falseAlarmsOf, judge, type Judgement } from './judgement.js';
import { record } from './recording.js';

/** No training set and no test set of the reports starts from this seed: none of these was seen before. */
const plan = { machines: 1000, windowsEach: 1, seed: 20_270_000 };

const { laboratory, field } = environments;

/** Between the laboratory and the field: one thing at a time is as it is in the field. */
const places = {
  laboratory,
  'mounting of the field': {
    ...laboratory,
    rollDegrees: field.rollDegrees,
    tiltDegrees: field.tiltDegrees,
    offsetG: field.offsetG,
  },
  'gain of the field': { ...laboratory, gain: field.gain, axisGain: field.axisGain },
  'noise of the field': {
    ...laboratory,
    broadbandG: field.broadbandG,
    sensorNoiseG: field.sensorNoiseG,
  },
  field,
} as const satisfies Record<string, Environment>;

type Place = keyof typeof places;
const placeNames = Object.keys(places) as Place[];

describe('The demo models on fresh machines, the same in every place', function () {
  this.timeout(300_000);
  const judgements = new Map<string, Judgement>();
  const macs = new Map<DemoVersion, number>();
  const judgementOf = (version: DemoVersion, place: Place): Judgement => {
    const judgement = judgements.get(`${version}, ${place}`);
    assert.ok(judgement !== undefined);
    return judgement;
  };
  const accuracy = (version: DemoVersion, place: Place): number =>
    accuracyOf(judgementOf(version, place));

  before(async () => {
    const recordings = placeNames.map((place) => ({ place, windows: record(places[place], plan) }));
    for (const version of demoVersions) {
      const release = await DemoRelease.load(version);
      macs.set(version, release.macs);
      for (const { place, windows } of recordings) {
        judgements.set(`${version}, ${place}`, await judge(release, windows));
      }
    }
  });

  for (const version of demoVersions) {
    for (const place of ['laboratory', 'field'] as const) {
      it(`are as often right as the report says: ${version}, ${place}`, () => {
        const { int8_accuracy: reported, windows } = readReport(version).scores[place];
        // Four standard errors of the difference between two samples.
        const variance = reported * (1 - reported) * (1 / plan.machines + 1 / windows);
        const found = accuracy(version, place);
        assert.ok(Math.abs(found - reported) <= 4 * Math.sqrt(variance), `${found}`);
      });
    }

    it(`cost what the report says: ${version}`, () => {
      assert.equal(macs.get(version), readReport(version).macs);
    });
  }

  it('are each at least as good as the one before in the laboratory', () => {
    assert.ok(accuracy('v2', 'laboratory') >= accuracy('v1', 'laboratory'));
    assert.ok(accuracy('v3', 'laboratory') >= accuracy('v2', 'laboratory'));
  });

  it('are better in the field with v2, and clearly worse with v3', () => {
    assert.ok(accuracy('v2', 'field') > accuracy('v1', 'field'));
    assert.ok(accuracy('v3', 'field') < accuracy('v2', 'field') - 0.15);
  });

  it('cry wolf on most healthy machines of the field with v3 alone', () => {
    assert.ok(falseAlarmsOf(judgementOf('v2', 'field')) < 0.1);
    assert.ok(falseAlarmsOf(judgementOf('v3', 'field')) > 0.5);
    assert.ok(falseAlarmsOf(judgementOf('v3', 'laboratory')) < 0.01);
  });

  it('are sure of themselves in the field, v3 too: confidence alone does not tell', () => {
    for (const version of demoVersions) {
      const { confidences } = judgementOf(version, 'field');
      const mean = confidences.reduce((sum, each) => sum + each, 0) / confidences.length;
      assert.ok(mean > 0.9, `${version}: ${mean}`);
    }
  });

  it('give the trap away without labels: in the field v3 does not answer as its reference says', () => {
    const strayed = (version: DemoVersion, place: Place): number =>
      distance(answersOf(judgementOf(version, place)), referenceAnswers(version));
    for (const version of demoVersions) assert.ok(strayed(version, 'laboratory') < 0.02);
    assert.ok(strayed('v2', 'field') < 0.1);
    assert.ok(strayed('v3', 'field') > 0.2);
  });

  it('do what the table of causes in their README says', () => {
    const readme = readFileSync(`${demoModels}/README.md`, 'utf8');
    for (const place of placeNames) {
      const cells = (['v2', 'v3'] as const).map((version) => percent(accuracy(version, place)));
      const alarms = percent(falseAlarmsOf(judgementOf('v3', place)));
      const row = `| ${place} | ${cells.join(' | ')} | ${alarms} |`;
      assert.ok(readme.includes(row), `the README has no row ${row}`);
    }
  });
});

function referenceAnswers(version: DemoVersion): number[] {
  const { answers } = readReference(version);
  return conditions.map((name) => answers[name]);
}

/** Total variation distance of two counts: the share of answers that would have to be others. */
function distance(a: readonly number[], b: readonly number[]): number {
  const [inA, inB] = [a, b].map((counts) => counts.reduce((sum, count) => sum + count, 0));
  const differences = a.map((count, i) =>
    Math.abs(count / (inA ?? NaN) - (b[i] ?? NaN) / (inB ?? NaN)),
  );
  return differences.reduce((sum, each) => sum + each, 0) / 2;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
