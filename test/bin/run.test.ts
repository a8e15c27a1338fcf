import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand, type CommandOutcome } from '../helpers/command-line.js';
import { writeStreamingModel } from '../helpers/model-file.js';
import { pictureFile } from '../helpers/picture-files.js';
import { samples16, writeWav } from '../helpers/wav-file.js';

/** Two windows of 256 frames with three channels, and seven frames more. */
const frames = Array.from({ length: 519 }, (_, i) =>
  [0, 1, 2].map((channel) => Math.round(900 * Math.sin((i * (channel + 1)) / 9))),
);

describe('tinylamp run with a release', () => {
  let folder: string;
  const run = (...words: string[]): Promise<CommandOutcome> => runCommand(words, folder);
  const write = (name: string, content: string | Uint8Array): void => {
    writeFileSync(path.join(folder, name), content);
  };

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-run-'));
    for (const name of ['vibration-v1.tflite', 'labels.txt']) {
      copyFileSync(
        fileURLToPath(import.meta.resolve(`#demo-models/${name}`)),
        path.join(folder, name),
      );
    }
    const window = { frames: 256, channels: 3, sampleRateHz: 1600 };
    write('pipeline.json', JSON.stringify({ window, normalise: { kind: 'standardise' } }));
    const clip = samples16(frames.flat());
    const wav = { channels: 3, sampleRateHz: 1600 };
    write('clip.wav', writeWav(clip, wav));
    write('window.wav', writeWav(clip.subarray(0, 256 * 6), wav));
    write('short.wav', writeWav(clip.subarray(0, 255 * 6), wav));
    write('fast.wav', writeWav(clip, { ...wav, sampleRateHz: 44_100 }));
    write('damaged.wav', writeWav(clip, wav).subarray(0, 1_000));
    write('rows.csv', `x,y,z\n${frames.map((row) => row.join(',')).join('\n')}\n`);
    write('wide.csv', frames.map((row) => row.join(',')).join('\r\n'));
    write('odd.csv', '1,2,3\n4,5\n');
    write('words.csv', '1,2,3\n4,five,6\n');
    write('empty.csv', 'x,y,z\n');
    write('noise.txt', '1,2,3\n');
    succeed(await run('keys', 'new', 'keys'));
    const build =
      'release build vibration-v1.tflite --labels labels.txt --pipeline pipeline.json --slot a --keys keys -o v1.tinylamp';
    succeed(await run(...build.split(' ')));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('prints all labels and scores of one window, the highest first', async () => {
    const { stdout } = succeed(await run('run', 'v1.tinylamp', '--input', 'window.wav'));
    const lines = stdout.trimEnd().split('\n');
    const labels = readFileSync(path.join(folder, 'labels.txt'), 'utf8').trim().split('\n');
    assert.equal(lines.length, labels.length);
    const scores = lines.map((line) => Number(line.split(/ {2,}/)[1]));
    assert.deepEqual(
      scores,
      scores.toSorted((a, b) => b - a),
    );
    assert.deepEqual(lines.map((line) => line.split(/ {2,}/)[0]).sort(), labels.sort());
  });

  it('prints a line for each of several windows, and says what was left', async () => {
    const { stdout, stderr } = succeed(await run('run', 'v1.tinylamp', '--input', 'clip.wav'));
    assert.match(stdout, /^window 1: [a-z -]+ {2}[\d.e-]+\nwindow 2: [a-z -]+ {2}[\d.e-]+\n$/);
    assert.match(stderr, /last 7 frames make no whole window/);
  });

  it('gives the same answers to the same samples, whatever file they are in', async () => {
    const outcomes: string[] = [];
    for (const input of ['clip.wav', 'rows.csv', 'wide.csv']) {
      const { stdout } = succeed(await run('run', 'v1.tinylamp', '--input', input, '--json'));
      const { windows, framesLeft } = JSON.parse(stdout) as {
        windows: { label: string; scores: unknown }[];
        framesLeft: number;
      };
      assert.equal(windows.length, 2);
      assert.equal(framesLeft, 7);
      outcomes.push(JSON.stringify(windows.map(({ label, scores }) => ({ label, scores }))));
    }
    assert.deepEqual(new Set(outcomes).size, 1);
  });

  const refusals = [
    ['short.wav', 'source-mismatch'],
    ['fast.wav', 'source-mismatch'],
    ['damaged.wav', 'sound-invalid'],
    ['odd.csv', 'source-mismatch'],
    ['words.csv', 'sample-invalid'],
    ['empty.csv', 'sample-invalid'],
    ['noise.txt', 'sample-invalid'],
    ['absent.wav', 'file-unreadable'],
    ['clip.wav --output out.bin', 'usage-invalid'],
    ['clip.wav --dequantise', 'usage-invalid'],
  ] as const;
  for (const [input, code] of refusals) {
    it(`refuses ${input} with ${code}`, async () => {
      const words = `run v1.tinylamp --input ${input}`.split(' ');
      const { exitCode, stdout, stderr } = await run(...words);
      assert.notEqual(exitCode, 0);
      assert.equal(stdout, '');
      assert.ok(stderr.startsWith(`tinylamp: ${code}`), stderr);
    });
  }

  it('says where a model waits for more inputs, and where a release waits for more windows', async () => {
    write('streaming.tflite', writeStreamingModel());
    write('input.bin', Uint8Array.of(1, 2));
    const { stdout } = succeed(await run('run', 'streaming.tflite', '--input', 'input.bin'));
    assert.equal(stdout, 'no output: the model waits for more inputs\n');
    const json = await run('run', 'streaming.tflite', '--input', 'input.bin', '--json');
    assert.deepEqual((JSON.parse(json.stdout) as { outputs: unknown }).outputs, []);
    const window = { frames: 1, channels: 2, sampleRateHz: 1 };
    write('streaming.json', JSON.stringify({ window, decision: { kind: 'argmax' } }));
    const build = 'release build streaming.tflite --pipeline streaming.json --slot a --keys keys';
    succeed(await run(...build.split(' '), '-o', 'streaming.tinylamp'));
    write('stream.csv', '1,2\n3,4\n5,6\n');
    const words = ['run', 'streaming.tinylamp', '--input', 'stream.csv'];
    const { stdout: lines } = succeed(await run(...words));
    const waits = 'no answer, the model waits for more inputs';
    assert.equal(lines, `window 1: ${waits}\nwindow 2: 7  4\nwindow 3: ${waits}\n`);
    const { windows } = JSON.parse(succeed(await run(...words, '--json')).stdout) as {
      windows: { waits?: boolean; label?: string }[];
    };
    assert.deepEqual(
      windows.map(({ waits: waiting, label }) => [waiting, label]),
      [
        [true, undefined],
        [undefined, '7'],
        [true, undefined],
      ],
    );
  });

  it('shows the real values of a model where they are asked for', async () => {
    write('zeros.bin', new Uint8Array(768));
    const words = ['run', 'vibration-v1.tflite', '--input', 'zeros.bin', '--json'];
    const valuesOf = async (...more: string[]): Promise<number[]> => {
      const { stdout } = succeed(await run(...words, ...more));
      const { outputs } = JSON.parse(stdout) as { outputs: { values: number[] }[] };
      return outputs[0]?.values ?? [];
    };
    const [stored, real] = [await valuesOf(), await valuesOf('--dequantise')];
    // The output is a softmax of int8: 1/256 a step, from -128.
    assert.deepEqual(
      real,
      stored.map((value) => (value + 128) / 256),
    );
  });
});

describe('tinylamp run with a release for pictures', () => {
  let folder: string;
  const run = (...words: string[]): Promise<CommandOutcome> => runCommand(words, folder);
  const release = async (name: string, window: object): Promise<void> => {
    const pipeline = { window, normalise: { kind: 'none', multiply: 1 / 255 } };
    writeFileSync(path.join(folder, 'pipeline.json'), JSON.stringify(pipeline));
    const words = `release build vibration-v1.tflite --pipeline pipeline.json --slot a --keys keys -o ${name}`;
    succeed(await run(...words.split(' ')));
  };

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-run-'));
    copyFileSync(
      fileURLToPath(import.meta.resolve('#demo-models/vibration-v1.tflite')),
      path.join(folder, 'vibration-v1.tflite'),
    );
    for (const name of ['colours.png', 'turned-1.jpg', 'turned-6.jpg']) {
      writeFileSync(path.join(folder, name), pictureFile(name));
    }
    writeFileSync(path.join(folder, 'cut.jpg'), pictureFile('turned-1.jpg').subarray(0, 800));
    // A file is what its first bytes say.
    writeFileSync(path.join(folder, 'wrong.wav'), pictureFile('colours.png'));
    succeed(await run('keys', 'new', 'keys'));
    await release('stretch.tinylamp', { channels: 3, resize: { width: 16, height: 16 } });
    await release('crop.tinylamp', { channels: 3, resize: { width: 16, height: 16, fit: 'crop' } });
    await release('asis.tinylamp', { frames: 256, channels: 3 });
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const scoresOf = async (name: string, input: string): Promise<string> => {
    const { stdout } = succeed(await run('run', name, '--input', input, '--json'));
    const { windows } = JSON.parse(stdout) as { windows: { scores: unknown }[] };
    assert.equal(windows.length, 1);
    return JSON.stringify(windows[0]?.scores);
  };

  it('answers a picture of any size, whatever kind of file it is in', async () => {
    const scores = await scoresOf('stretch.tinylamp', 'colours.png');
    assert.equal(await scoresOf('stretch.tinylamp', 'wrong.wav'), scores);
    assert.match(await scoresOf('crop.tinylamp', 'turned-6.jpg'), /score/);
  });

  const refusals = [
    ['asis.tinylamp', 'colours.png', 'source-mismatch'],
    ['stretch.tinylamp', 'cut.jpg', 'picture-invalid'],
  ] as const;
  for (const [name, input, code] of refusals) {
    it(`refuses ${input} for ${name} with ${code}`, async () => {
      const { exitCode, stderr } = await run('run', name, '--input', input);
      assert.notEqual(exitCode, 0);
      assert.ok(stderr.startsWith(`tinylamp: ${code}`), stderr);
    });
  }
});

function succeed(outcome: CommandOutcome): CommandOutcome {
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome;
}
