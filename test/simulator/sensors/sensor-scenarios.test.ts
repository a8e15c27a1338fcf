import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Outcome } from '../../../simulator/simulation/outcome.js';
import { recordedRows } from '../../helpers/recorded-rows.js';
import { requires, sharedFolder } from '../../helpers/requires.js';
import { samples16, writeWav } from '../../helpers/wav-file.js';
import { demoRelease, runText } from '../simulation/scenario-runner.js';

type Files = Readonly<Record<string, string | Uint8Array>>;

const runBeside = (text: string, files: Files): Promise<Outcome> =>
  runText(text, 1, {}, undefined, files);

const scenario = (sensor: string, releases: string, more = ''): string => `
name: test
duration: 10 min
period: 10 s
fleet:
  - {count: 4, name: hall, sensor: ${sensor}}
releases:
${releases}
timeline: [{at: 0, publish: v1}]
${more}`;

describe('sensors of a scenario', () => {
  it('csv: answers rows of a file, beside what their column says', async () => {
    const csv = '{kind: csv, file: rows.csv, label: "column:state", start: 1}';
    const expect = 'expect: [windows.lost = 0, windows.wrong <= 5]';
    const { exit, reason, windows } = await runBeside(scenario(csv, demoRelease('v1', 1), expect), {
      'rows.csv': recordedRows(),
    });
    assert.equal(exit, 0, reason);
    assert.ok(windows.answered > 200, JSON.stringify(windows));
    const swapped = recordedRows().replace(/normal|bearing-fault/g, (each) =>
      each === 'normal' ? 'bearing-fault' : 'normal',
    );
    const mistaken = await runBeside(scenario(csv, demoRelease('v1', 1)), { 'rows.csv': swapped });
    assert.ok(mistaken.windows.wrong > 200, JSON.stringify(mistaken.windows));
  });

  it('counts windows that overlap as the device does', async () => {
    const pipeline = JSON.stringify({
      window: { frames: 256, stride: 64, channels: 3 },
      normalise: { kind: 'remove-mean', multiply: 4 },
      decision: { average: 3 },
    });
    const release = demoRelease('v1', 1).replace(/pipeline: [^}]*/, 'pipeline: p.json');
    const vibration = '{kind: vibration, environment: laboratory}';
    const { exit, reason, windows } = await runBeside(
      scenario(vibration, release, 'expect: [windows.lost = 0]'),
      { 'p.json': pipeline },
    );
    assert.equal(exit, 0, reason);
    // Before there are three windows there is no mean of them.
    assert.equal(windows.completed, windows.answered + 4 * 2);
  });

  const wav = writeWav(samples16(Array.from({ length: 768 }, (_, i) => i)));
  const sound = '{"window": {"frames": 256, "channels": 3, "sampleRateHz": 16000}}';
  const soundRelease = demoRelease('v1', 1).replace(/pipeline: [^}]*/, 'pipeline: p.json');
  const mistakes: readonly (readonly [
    title: string,
    sensor: string,
    files: Files,
    message: RegExp,
    release?: string,
  ])[] = [
    [
      'a cell that is no number',
      '{kind: csv, file: f.csv}',
      { 'f.csv': 'x,y,z\n1,2,3\n1,up,3\n' },
      /fleet\[0\]\.sensor of hall: .*f\.csv row 2: column y has "up", which is no number$/,
    ],
    [
      'a row that is cut off',
      '{kind: csv, file: f.csv}',
      { 'f.csv': 'x,y,z\n1,2\n' },
      /row 1: it has 2 cells, the header has 3/,
    ],
    [
      'a column that is not there',
      '{kind: csv, file: f.csv, columns: [x, q]}',
      { 'f.csv': 'x,y\n1,2\n' },
      /has no column q; it has x, y/,
    ],
    [
      'a header alone',
      '{kind: csv, file: f.csv}',
      { 'f.csv': 'x,y,z\n' },
      /has no row below a header line/,
    ],
    [
      'other channels than the release',
      '{kind: csv, file: f.csv}',
      { 'f.csv': 'x,y\n1,2\n' },
      /it gives 2 channels, release v1 takes 3; choose other columns/,
    ],
    [
      'a class that the release does not name',
      '{kind: csv, file: f.csv, label: "column:s"}',
      { 'f.csv': 'x,y,z,s\n1,2,3,broken\n' },
      /it knows the class "broken", release v1 names "normal"/,
    ],
    [
      'a start behind the last row',
      '{kind: csv, file: f.csv, start: 3}',
      { 'f.csv': 'x,y,z\n1,2,3\n' },
      /start: .* has 1 rows/,
    ],
    [
      'bytes that are no text',
      '{kind: csv, file: f.csv}',
      { 'f.csv': Uint8Array.of(0x78, 0x0a, 0xff) },
      /is not UTF-8/,
    ],
    [
      'a folder without sounds',
      '{kind: wav, folder: w}',
      { 'w/readme.txt': 'x' },
      /has no file whose name ends in/,
    ],
    [
      'sound at another rate',
      '{kind: wav, folder: w}',
      { 'w/a.wav': writeWav(samples16([1, 2, 3]), { sampleRateHz: 8000 }), 'p.json': sound },
      /a\.wav: sound at 8000 Hz, the release takes 16000 Hz/,
      soundRelease,
    ],
    [
      'sound that is cut off',
      '{kind: wav, folder: w}',
      { 'w/a.wav': wav.subarray(0, 100) },
      /a\.wav: the sound is cut off/,
    ],
    [
      'a sound whose class is no folder',
      '{kind: wav, folder: w, label: folder}',
      { 'w/a.wav': wav },
      /a\.wav lies in no subfolder, which would name its class/,
    ],
    [
      'pictures of another size',
      '{kind: pictures, folder: w}',
      { 'w/a.bmp': picture(4, 4) },
      /a\.bmp has 16 pixels, release v1 takes 256; give its pipeline window\.resize/,
    ],
    ['a picture that is none', '{kind: pictures, folder: w}', { 'w/a.png': 'x' }, /a\.png: /],
    [
      'made sound at a rate that it does not have',
      '{kind: audio, classes: [normal]}',
      { 'p.json': sound.replace('16000', '8000') },
      /it gives sound at 16000 Hz, release v1 takes 8000 Hz/,
      soundRelease,
    ],
  ];
  for (const [title, sensor, files, message, release = demoRelease('v1', 1)] of mistakes)
    it(`refuses ${title} before the run begins`, async () => {
      await assert.rejects(runBeside(scenario(sensor, release), files), {
        code: 'scenario-invalid',
        message,
      });
    });

  it('refuses releases that one sensor cannot feed', async () => {
    const other = demoRelease('v2', 1).replace(/pipeline: [^}]*/, 'pipeline: p.json');
    const pipeline = JSON.stringify({ window: { frames: 256, stride: 128, channels: 3 } });
    await assert.rejects(
      runBeside(scenario('{kind: vibration}', demoRelease('v1', 1) + other), {
        'p.json': pipeline,
      }),
      { code: 'scenario-invalid', message: /v1 takes strides of 256, and v2 of 128/ },
    );
  });
});

/** An uncompressed BMP of 24 bits. */
function picture(width: number, height: number): Uint8Array {
  const rowBytes = Math.ceil((width * 3) / 4) * 4;
  const bytes = Buffer.alloc(54 + rowBytes * height);
  bytes.write('BM');
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  return new Uint8Array(bytes);
}

describe('sensors of a scenario with models and recordings of others', () => {
  before(function () {
    requires(this, 'shared');
  });

  const data = path.join(sharedFolder, 'data');
  const input = (name: string): Uint8Array =>
    new Uint8Array(readFileSync(path.join(data, 'inputs', name)));

  it('pictures: shows each device pictures of the folders, and every answer is right', async () => {
    const release = `  v1: {model: ${data}/models/person_detect.tflite, labels: labels.txt}`;
    const sensor = '{kind: pictures, folder: seen, label: folder}';
    const expect = 'expect: [windows.lost = 0, windows.wrong = 0]';
    const { exit, reason, windows } = await runBeside(scenario(sensor, release, expect), {
      'labels.txt': 'no person\nperson\n',
      'seen/person/a.bmp': input('person.bmp'),
      'seen/no person/a.bmp': input('no_person.bmp'),
    });
    assert.equal(exit, 0, reason);
    assert.ok(windows.answered > 200, JSON.stringify(windows));
  });

  const wordLabels = 'silence\nunknown\nyes\nno\n';
  const words = `  v1: {model: [${data}/models/audio_preprocessor_int8.tflite, ${data}/models/micro_speech_quantized.tflite], labels: labels.txt, pipeline: p.json}`;

  it('wav: says each device words of a folder, and every answer is right', async () => {
    const pipeline = {
      window: { frames: 16_000, channels: 1, sampleRateHz: 16_000 },
      frontEnd: { frames: 480, stride: 320 },
    };
    const expect = 'expect: [windows.lost = 0, windows.wrong = 0]';
    const { exit, reason, windows } = await runBeside(
      scenario('{kind: wav, folder: heard, label: name}', words, expect),
      {
        'labels.txt': wordLabels,
        'p.json': JSON.stringify(pipeline),
        'heard/yes_1.wav': input('yes_1000ms.wav'),
        'heard/no_1.wav': input('no_1000ms.wav'),
      },
    );
    assert.equal(exit, 0, reason);
    assert.ok(windows.answered > 200, JSON.stringify(windows));
  });

  it('audio: runs a model along a stream of made sound, and loses no window', async () => {
    const pipeline = {
      window: { frames: 16_000, stride: 960, channels: 1, sampleRateHz: 16_000 },
      frontEnd: { frames: 480, stride: 320, per: 'stream' },
      decision: { average: 10 },
    };
    const text = scenario(
      '{kind: audio, classes: [yes, no]}',
      words,
      'expect: [windows.lost = 0, windows.answered > 900]',
    )
      .replace('duration: 10 min', 'duration: 20 s')
      .replace('period: 10 s', 'period: 60 ms');
    const { exit, reason, windows } = await runBeside(text, {
      'labels.txt': wordLabels,
      'p.json': JSON.stringify(pipeline),
    });
    assert.equal(exit, 0, `${reason} ${JSON.stringify(windows)}`);
  });
});
