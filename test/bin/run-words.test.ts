import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommand, type CommandOutcome } from '../helpers/command-line.js';
import { requires, sharedFolder } from '../helpers/requires.js';
import { writeWav } from '../helpers/wav-file.js';

/** Seconds of a recording, by the clips that it is put together from. */
const clips = ['silence', 'yes', 'silence', 'silence', 'no', 'silence', 'noise', 'yes', 'silence'];

describe('tinylamp run with words in a stream', () => {
  let folder: string;
  const run = (...words: string[]): Promise<CommandOutcome> => runCommand(words, folder);
  const write = (name: string, content: string | Uint8Array): void => {
    writeFileSync(path.join(folder, name), content);
  };

  before(async function () {
    requires(this, 'shared');
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-words-'));
    const models = ['micro_speech_quantized', 'audio_preprocessor_int8', 'mlperf_sww_ref'];
    for (const name of models.map((model) => `${model}.tflite`)) {
      copyFileSync(path.join(sharedFolder, 'data/models', name), path.join(folder, name));
    }
    // Each has a header of 44 bytes.
    const seconds = clips.map((name) =>
      readFileSync(path.join(sharedFolder, `data/inputs/${name}_1000ms.wav`)).subarray(44),
    );
    write('stream.wav', writeWav(Buffer.concat(seconds), { channels: 1, sampleRateHz: 16_000 }));
    // Both of its channels are the same.
    const marvin = readFileSync(path.join(sharedFolder, 'data/inputs/marvin_10s_mixed.wav'));
    const left = Buffer.alloc((marvin.length - 44) / 2);
    for (let at = 0; at < left.length; at += 2)
      left.writeInt16LE(marvin.readInt16LE(44 + 2 * at), at);
    write('marvin.wav', writeWav(left, { channels: 1, sampleRateHz: 16_000 }));
    write('marvin.txt', 'marvin\nsilence\nother\n');
    write('labels.txt', 'silence\nunknown\nyes\nno\n');
    assert.equal((await run('keys', 'new', 'keys')).exitCode, 0);
  });
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  for (const per of ['window', 'stream'] as const) {
    for (const slices of [1, 2, 3]) {
      it(`hears each word where it is, and no other, with state per ${per} and ${slices} slices to a step`, async () => {
        const stride = 320 * slices;
        const pipeline = {
          window: { frames: 16_000, stride, channels: 1, sampleRateHz: 16_000 },
          frontEnd: { frames: 480, stride: 320, per },
          // Over a fifth of a second, whatever the step.
          decision: { threshold: 0.7, average: Math.ceil(10 / slices) },
        };
        write('pipeline.json', JSON.stringify(pipeline));
        const build =
          'release build micro_speech_quantized.tflite --front-end audio_preprocessor_int8.tflite --pipeline pipeline.json --labels labels.txt --slot voice --keys keys -o v.tinylamp';
        const built = await run(...build.split(' '));
        assert.equal(built.exitCode, 0, built.stderr);
        const { stdout } = await run('run', 'v.tinylamp', '--input', 'stream.wav', '--json');
        const { windows } = JSON.parse(stdout) as { windows: ({ label?: string } | null)[] };
        const heard: string[] = [];
        for (const [i, window] of windows.entries()) {
          const label = window?.label;
          if (label !== 'yes' && label !== 'no') continue;
          // A window sees a part of two clips; one of them has the word.
          const second = (i * stride) / 16_000;
          const seen = [Math.floor(second), Math.ceil(second)].map((each) => clips[each]);
          assert.ok(seen.includes(label), `${label} in ${seen.join(' and ')}, ${second} s`);
          if (label !== heard.at(-1)) heard.push(label);
        }
        assert.deepEqual(heard, ['yes', 'no', 'yes']);
      });
    }
  }

  it('hears Marvin three times in ten seconds of mixed sound, by log-mel features', async () => {
    const [frames, hop, slices] = [1024, 512, 30];
    const pipeline = {
      window: {
        frames: frames + (slices - 1) * hop,
        stride: hop,
        channels: 1,
        sampleRateHz: 16_000,
      },
      normalise: { multiply: 1 / 32_768 },
      frontEnd: {
        frames,
        stride: hop,
        per: 'stream',
        logMel: { bands: 40, highHz: 8000, preEmphasis: 1 - 2 ** -5, add: 52, multiply: 1 / 64 },
      },
      decision: { threshold: 0.6, average: 5 },
    };
    write('pipeline.json', JSON.stringify(pipeline));
    const build =
      'release build mlperf_sww_ref.tflite --pipeline pipeline.json --labels marvin.txt --slot voice --keys keys -o m.tinylamp';
    const built = await run(...build.split(' '));
    assert.equal(built.exitCode, 0, built.stderr);
    const { stdout } = await run('run', 'm.tinylamp', '--input', 'marvin.wav', '--json');
    const { windows } = JSON.parse(stdout) as { windows: ({ label?: string } | null)[] };
    const heard: number[] = [];
    for (const [i, window] of windows.entries()) {
      if (window?.label !== 'marvin') continue;
      const second = (i * hop + pipeline.window.frames) / 16_000;
      // The same word is heard in many windows.
      if (second - (heard.at(-1) ?? -2) > 1.5) heard.push(second);
    }
    assert.equal(heard.length, 3, heard.join(' '));
    // It is said at 1, 4 and 7 seconds.
    for (const [i, second] of heard.entries()) {
      const said = 1 + 3 * i;
      assert.ok(second > said && second < said + 1, `${second} s`);
    }
  });
});
