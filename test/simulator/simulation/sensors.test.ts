import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requires, sharedFolder } from '../../helpers/requires.js';
import { demoRelease, runText } from './scenario-runner.js';

describe('sensors that play recordings', function () {
  this.timeout(60_000);
  let folder = '';
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-recordings-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const scenario = (sensor: string, releases: string, expect = ''): string =>
    `name: recorded
duration: 5 min
period: 10 s
fleet:
  - {count: 3, sensor: ${sensor}}
releases:
${releases}
timeline:
  - {at: 0, publish: v1}
expect:
  - windows.lost = 0
  - share(devices, release = v1) = 100 %
${expect}`;
  const csv = (rows: readonly string[], header = 'x,y,z,state'): string => {
    const file = path.join(folder, 'rows.csv');
    writeFileSync(file, `${[header, ...rows].join('\n')}\n`);
    return file;
  };
  const shared = (name: string): string => path.join(sharedFolder, 'data', name);

  it('play a table round and round, with the label of the last row of a window as its truth', async () => {
    // Half a window each: a window of 256 rows begins at row 257 of 512 and ends with a row of the other state.
    const rows = Array.from({ length: 512 }, (_, i) => `0,0,1,${i < 256 ? 'normal' : 'imbalance'}`);
    const play = async (start: number): Promise<readonly unknown[]> => {
      const sensor = `{kind: csv, file: ${csv(rows)}, label: "column:state", start: ${start}}`;
      const { exit, reason, windows } = await runText(scenario(sensor, demoRelease('v1', 1)));
      assert.deepEqual([exit, reason], [0, 'all held']);
      return [windows.completed, windows.wrong];
    };
    const [aligned, between] = [await play(1), await play(129)];
    assert.equal(aligned[0], between[0]);
    // The same rows to the model, which answers one of the two at most: half of the windows have the other truth.
    const [all = 0, wrong = 0] = aligned.map(Number);
    assert.ok(wrong >= Math.floor(all / 2) - 3, `${wrong} of ${all}`);
  });

  it('give pictures as the release takes them, one a window, with the name of the folder as truth', async function () {
    requires(this, 'shared');
    for (const label of ['person', 'no_person']) {
      mkdirSync(path.join(folder, 'pictures', label), { recursive: true });
      copyFileSync(shared(`inputs/${label}.bmp`), path.join(folder, 'pictures', label, 'a.bmp'));
    }
    writeFileSync(path.join(folder, 'labels.txt'), 'no_person\nperson\n');
    const release = `  v1: {model: ${shared('models/person_detect.tflite')}, labels: ${folder}/labels.txt}`;
    const sensor = `{kind: pictures, folder: ${folder}/pictures, label: folder}`;
    const { exit, reason, windows } = await runText(scenario(sensor, release));
    assert.deepEqual([exit, reason], [0, 'all held']);
    assert.ok(windows.answered > 60);
    // The model knows both pictures.
    assert.equal(windows.wrong, 0);
  });

  it('give sound to a chain of two models, with the name of the file as truth', async function () {
    requires(this, 'shared');
    mkdirSync(path.join(folder, 'words'), { recursive: true });
    for (const word of ['yes', 'no'])
      copyFileSync(
        shared(`inputs/${word}_1000ms.wav`),
        path.join(folder, 'words', `${word}_1.wav`),
      );
    writeFileSync(path.join(folder, 'words.txt'), 'silence\nunknown\nyes\nno\n');
    writeFileSync(
      path.join(folder, 'words.json'),
      '{"window": {"frames": 16000, "channels": 1, "sampleRateHz": 16000}, "frontEnd": {"frames": 480, "stride": 320}, "decision": {"kind": "argmax"}}',
    );
    const models = ['audio_preprocessor_int8', 'micro_speech_quantized'].map((name) =>
      shared(`models/${name}.tflite`),
    );
    const release = `  v1: {model: [${models.join(', ')}], labels: ${folder}/words.txt, pipeline: ${folder}/words.json}`;
    const sensor = `{kind: wav, folder: ${folder}/words, label: name}`;
    const { exit, reason, windows } = await runText(scenario(sensor, release));
    assert.deepEqual([exit, reason], [0, 'all held']);
    assert.ok(windows.answered > 60);
    assert.equal(windows.wrong, 0);
    const tones = await runText(scenario('{kind: audio, classes: [yes, no]}', release));
    assert.equal(tones.exit, 0, tones.reason);
  });

  const refusals: readonly (readonly [what: string, sensor: () => string, says: RegExp])[] = [
    [
      'a cell that is no number',
      () => `{kind: csv, file: ${csv(['1,2,3,normal', '1,x,3,normal'])}, label: "column:state"}`,
      /row 2 below the header, column y: "x" is no number/,
    ],
    [
      'a column that is not there',
      () => `{kind: csv, file: ${csv(['1,2,3,normal'])}, columns: [x, w]}`,
      /no column w; there are x, y, z, state/,
    ],
    [
      'a class that a release does not name',
      () => `{kind: csv, file: ${csv(['1,2,3,broken'])}, label: "column:state"}`,
      /knows the class broken, which release v1 does not name/,
    ],
    [
      'as many channels as a release does not take',
      () => `{kind: csv, file: ${csv(['1,2'], 'x,y')}}`,
      /gives 2 channels, release v1 takes 3/,
    ],
    [
      'a folder without any sound',
      () => {
        mkdirSync(path.join(folder, 'empty'), { recursive: true });
        return `{kind: wav, folder: ${folder}/empty}`;
      },
      /empty has no file that the sensor plays/,
    ],
  ];
  for (const [what, sensor, says] of refusals) {
    it(`refuse ${what} before the run`, async () => {
      await assert.rejects(runText(scenario(sensor(), demoRelease('v1', 1))), (error: Error) => {
        assert.equal((error as Error & { code: string }).code, 'scenario-invalid');
        assert.match(error.message, says);
        return true;
      });
    });
  }
});
