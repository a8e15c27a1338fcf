import path from 'node:path';
import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { takeTurns } from '../../operator/keys/folder-turn.js';
import { openKeyFolder } from '../../operator/keys/key-folder.js';
import { buildRelease, sealRelease } from '../../operator/release/build-release.js';
import { defaultBlockSize } from '../../operator/release/split-blocks.js';
import { parseLabelsFile } from '../../operator/release/labels-file.js';
import { parsePipelineFile } from '../../operator/release/pipeline-file.js';
import { encodeReleaseFile } from '../../protocol/documents/release-file.js';
import { fitKinds, type Resize } from '../../protocol/documents/pipeline.js';
import { limits } from '../../protocol/limits.js';
import { slotPattern } from '../../protocol/topics.js';
import { CodedError } from '../../protocol/coded-error.js';
import { jsonOption, keysOption, type Command } from '../command.js';
import { readNamedFile, writeNamedFile } from '../files.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';
import { tryFolderLock } from '../../operator/adapters/folder-lock.js';

/** `tinylamp release build`: from a `.tflite` file to a signed release. */
export const releaseBuildCommand: Command = {
  words: 'release build',
  summary: 'Build and sign a release from a model.',
  positionals: [{ name: 'model', describe: 'The .tflite file.' }],
  options: {
    slot: { type: 'text', describe: 'The slot that it is for.', alias: 's', required: true },
    ...keysOption,
    output: { type: 'text', describe: 'The release file to write.', alias: 'o', required: true },
    labels: { type: 'text', describe: 'A text file with the name of one class a line.' },
    pipeline: { type: 'text', describe: 'A JSON file: window, normalise, frontEnd, decision.' },
    'front-end': {
      type: 'text',
      describe: 'A .tflite file that makes the input of the model, slice by slice of a window.',
    },
    fit: {
      type: 'text',
      describe:
        'Without a pipeline: pictures of any size are brought to that of the model, by stretch or by crop.',
    },
    reference: { type: 'text', describe: 'A JSON file: how the model answers on reference data.' },
    name: { type: 'text', describe: 'A name for people; by default that of the model file.' },
    'release-version': { type: 'text', describe: 'A version for people.', default: '' },
    sequence: {
      type: 'number',
      describe: 'The sequence number; by default one more than the last.',
    },
    epoch: { type: 'number', describe: 'The security epoch.', default: 0 },
    'block-bytes': {
      type: 'number',
      describe: 'Bytes of a block; small ones lose less on a link that breaks often.',
      default: defaultBlockSize,
    },
    ...jsonOption,
  },
  examples: [
    [
      '$0 release build my.tflite --labels labels.txt --slot vision --keys keys -o v1.tinylamp',
      'self-test vectors are made and the budget is measured',
    ],
  ],
  async run(given, terminal) {
    const modelFile = given.requiredText('model');
    const slot = given.requiredText('slot');
    if (!slotPattern.test(slot))
      throw new CodedError('topic-invalid', `${slot} is no name of a slot`);
    const labelsFile = given.text('labels');
    const pipelineFile = given.text('pipeline');
    const fit = fitOf(given.text('fit'));
    if (fit !== undefined && pipelineFile !== undefined) {
      throw new CodedError('usage-invalid', '--fit stands in the pipeline file: window.resize.fit');
    }
    const referenceFile = given.text('reference');
    const frontEndFile = given.text('front-end');
    const folder = given.requiredText('keys');
    const keys = openKeyFolder(createDiskFiles(), folder);
    terminal.progress(`running ${modelFile} to measure it`);
    const sequence =
      given.number('sequence') === undefined
        ? undefined
        : given.wholeNumber('sequence', 1, Number.MAX_SAFE_INTEGER);
    const built = await buildRelease(
      {
        model: readNamedFile(modelFile),
        frontEnd: frontEndFile === undefined ? undefined : readNamedFile(frontEndFile),
        labels: labelsFile === undefined ? [] : parseLabelsFile(readText(labelsFile)),
        pipeline:
          pipelineFile === undefined
            ? undefined
            : (models) => parsePipelineFile(readText(pipelineFile), models),
        fit,
        reference: referenceFile === undefined ? undefined : readNamedFile(referenceFile),
        slot,
        name: given.text('name') ?? path.basename(modelFile, '.tflite'),
        version: given.requiredText('release-version'),
        sequence: 1,
        epoch: given.wholeNumber('epoch', 0, Number.MAX_SAFE_INTEGER),
        blockBytes: given.wholeNumber('block-bytes', limits.blockBytesLeast, limits.blockBytesMost),
      },
      {
        engine: createInProcessEngine(await compileWasmCore()),
        crypto: createNodeCrypto(),
        key: keys.key,
      },
    );
    // A number is used up only by a release that could be built.
    const manifest = {
      ...built.manifest,
      sequence: await takeTurns(
        tryFolderLock,
        folder,
        createCronScheduler(),
      )(() => keys.nextNumber('sequence', slot, sequence)),
    };
    const { envelope, artifacts } = sealRelease(manifest, built.artifacts, keys.key);
    const output = given.requiredText('output');
    const bytes = encodeReleaseFile(envelope, artifacts);
    writeNamedFile(output, bytes);
    const { budget } = manifest;
    if (given.flag('json')) {
      terminal.printJson({
        output,
        slot,
        sequence: manifest.sequence,
        bytes: bytes.length,
        budget,
      });
    } else {
      terminal.print(`${output}: release ${manifest.sequence} of ${slot}, ${bytes.length} bytes`);
      terminal.print(
        `  arena ${budget.arenaBytes} bytes, ${budget.macs} multiply-accumulates, ${budget.expectedUs} us here`,
      );
    }
    return 0;
  },
};

function fitOf(text: string | undefined): Resize['fit'] | undefined {
  const fit = fitKinds.find((each) => each === text);
  if (text !== undefined && fit === undefined) {
    throw new CodedError('usage-invalid', `--fit is one of ${fitKinds.join(', ')}, not ${text}`);
  }
  return fit;
}

function readText(file: string): string {
  return new TextDecoder().decode(readNamedFile(file));
}
