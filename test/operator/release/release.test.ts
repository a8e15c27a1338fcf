import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createInProcessEngine } from '../../../agent/adapters/engine/in-process-engine.js';
import { compileWasmCore } from '../../../agent/adapters/engine/wasm-core.js';
import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import { encodeCbor } from '../../../protocol/cbor/encode.js';
import { Tagged, type CborValue } from '../../../protocol/cbor/value.js';
import { expectOk } from '../../../protocol/coded-error.js';
import { parseSelfTest } from '../../../protocol/documents/self-test.js';
import { buildRelease, type ReleaseSource } from '../../../operator/release/build-release.js';
import { encodeReleaseFile, type ReleaseFile } from '../../../protocol/documents/release-file.js';
import { parseReleaseFile } from '../../../operator/release/release-file.js';
import { describeTransfer, splitBlocks } from '../../../operator/release/split-blocks.js';
import { verifyRelease } from '../../../operator/release/verify-release.js';
import { writeEchoModel, writeStreamingModel } from '../../helpers/model-file.js';
import { fixedKey, sampleKeyset, sampleWallMs } from '../../helpers/documents.js';

const crypto = createNodeCrypto();
const key = fixedKey(1);
const model = new Uint8Array(readFileSync('simulator/demo/models/vibration-v1.tflite'));

const source: ReleaseSource = {
  model,
  labels: ['normal', 'imbalance', 'misalignment', 'bearing'],
  pipeline: undefined,
  slot: 'vibration',
  name: 'bearing wear',
  version: '1.0',
  sequence: 4,
  epoch: 2,
};

const build = async (change: Partial<ReleaseSource> = {}): Promise<ReleaseFile> =>
  buildRelease(
    { ...source, ...change },
    { engine: createInProcessEngine(await compileWasmCore()), crypto, key },
  );

describe('A release that is built', () => {
  let release: ReleaseFile;
  before(async () => {
    release = await build();
  });

  it('holds model, labels and golden vectors, each described by its digest', () => {
    const { artifacts } = release.manifest;
    assert.deepEqual(
      artifacts.map(({ role }) => role),
      ['model', 'labels', 'self-test'],
    );
    for (const [i, { digest, size }] of artifacts.entries()) {
      const bytes = release.artifacts[i] ?? new Uint8Array();
      assert.equal(bytes.length, size);
      assert.deepEqual(crypto.sha256(bytes), digest);
    }
    assert.deepEqual(release.artifacts[0], model);
  });

  it('says what its model costs', () => {
    const { arenaBytes, macs, deadlineUs, expectedUs } = release.manifest.budget;
    assert.equal(arenaBytes, 1280);
    assert.ok(macs > 1000 && expectedUs > 0 && deadlineUs >= 250_000);
  });

  it('has golden vectors that are the same wherever it is built', async () => {
    const [one, other] = [release, await build()].map(
      ({ artifacts }) => artifacts[2] ?? new Uint8Array(),
    );
    assert.deepEqual(one, other);
    const { vectors, tolerance } = expectOk(parseSelfTest(one ?? new Uint8Array()));
    assert.equal(vectors.length, 4);
    assert.equal(tolerance, 0);
    assert.equal(new Set(vectors.map(({ outputs }) => outputs.join())).size > 1, true);
  });

  it('is signed by the key of the operator', () => {
    verifyRelease(release, sampleKeyset([key]), crypto, sampleWallMs);
    assert.throws(
      () => {
        verifyRelease(release, sampleKeyset([fixedKey(2)]), crypto, sampleWallMs);
      },
      { code: 'key-unknown' },
    );
    assert.throws(
      () => {
        const envelope = release.envelope.with(-1, (release.envelope.at(-1) ?? 0) ^ 1);
        verifyRelease({ ...release, envelope }, sampleKeyset([key]), crypto, sampleWallMs);
      },
      { code: 'signature-invalid' },
    );
  });

  it('goes without labels', async () => {
    const { manifest } = await build({ labels: [] });
    assert.deepEqual(
      manifest.artifacts.map(({ role }) => role),
      ['model', 'self-test'],
    );
  });

  const refusals: readonly (readonly [
    what: string,
    change: Partial<ReleaseSource>,
    code: string,
  ])[] = [
    ['a model that is none', { model: new Uint8Array(100) }, 'model-not-tflite'],
    ['a label too few', { labels: ['a', 'b', 'c'] }, 'pipeline-mismatch'],
    [
      'a window that is not the model’s',
      {
        pipeline: (models) => ({
          window: { frames: 255, stride: 255, channels: 3, sampleRateHz: undefined },
          normalise: { kind: 'none', multiply: 1, add: 0 },
          models,
          decision: { kind: 'argmax' },
        }),
      },
      'pipeline-mismatch',
    ],
    ['a name that no device would take', { name: 'x'.repeat(300) }, 'document-invalid'],
    ['a slot that no device would take', { slot: 'Not A Slot' }, 'document-invalid'],
    ['a sequence number of nothing', { sequence: 0 }, 'document-invalid'],
    ['an epoch before the first', { epoch: -1 }, 'document-invalid'],
  ];
  for (const [what, change, code] of refusals) {
    it(`is refused here and not on every device: ${what}`, async () => {
      await assert.rejects(build(change), (error: Error & { code?: string }) => {
        assert.match(error.code ?? error.message, new RegExp(code));
        return true;
      });
    });
  }

  describe('with a front end', () => {
    /** Four slices of 64 frames make the 768 values of the model. */
    const frontEnd = { frames: 64, stride: 64 };
    const cut = (slices: { readonly frames: number; readonly stride: number } | undefined) =>
      ({
        pipeline: (models: readonly string[]) => ({
          window: { frames: 256, stride: 256, channels: 3, sampleRateHz: undefined },
          normalise: { kind: 'none', multiply: 1, add: 0 },
          models,
          decision: { kind: 'argmax' },
          frontEnd: slices,
        }),
      }) satisfies Partial<ReleaseSource>;
    const echo = writeEchoModel(192);

    it('holds both models and the golden vectors of both, and says what they cost together', async () => {
      const chained = await build({ frontEnd: echo, ...cut(frontEnd) });
      const { artifacts, pipeline, budget } = chained.manifest;
      assert.deepEqual(
        artifacts.map(({ role, name }) => `${role} ${name}`),
        [
          'model model.tflite',
          'model front-end.tflite',
          'labels labels.txt',
          'self-test self-test.cbor',
        ],
      );
      assert.deepEqual(pipeline.models, ['front-end.tflite', 'model.tflite']);
      const test = expectOk(parseSelfTest(chained.artifacts[3] ?? new Uint8Array()));
      assert.equal(test.vectors[0]?.inputs.length, 192);
      assert.deepEqual(
        test.further?.map(({ vectors }) => vectors.map(({ inputs }) => inputs.length)),
        [[768, 768, 768, 768]],
      );
      const alone = release.manifest.budget;
      assert.ok(budget.arenaBytes > alone.arenaBytes, String(budget.arenaBytes));
      assert.ok(budget.macs >= alone.macs);
    });

    const misfits: readonly (readonly [
      what: string,
      change: Partial<ReleaseSource>,
      detail: RegExp,
    ])[] = [
      ['no model for it', cut(frontEnd), /missing/],
      ['no slices for it', { frontEnd: echo, ...cut(undefined) }, /does not say/],
      ['no pipeline at all', { frontEnd: echo }, /does not say/],
      ['a slice that is not its input', { frontEnd: writeEchoModel(191), ...cut(frontEnd) }, /191/],
      [
        'slices that make too little',
        { frontEnd: echo, ...cut({ frames: 64, stride: 65 }) },
        /3 times 192/,
      ],
      ['another quantisation', { frontEnd: writeEchoModel(192, 1), ...cut(frontEnd) }, /scale 1 /],
      [
        'a model that waits for more slices',
        { frontEnd: writeStreamingModel(192), ...cut(frontEnd) },
        /no output for each/,
      ],
    ];
    for (const [what, change, detail] of misfits) {
      it(`is refused where it has ${what}`, async () => {
        await assert.rejects(build(change), { code: 'pipeline-mismatch', message: detail });
      });
    }
  });

  describe('in its file', () => {
    it('is read back as it was written', () => {
      const file = encodeReleaseFile(release.envelope, release.artifacts);
      assert.deepEqual(parseReleaseFile(file, crypto), release);
    });

    it('begins with the mark of CBOR, so that other tools know it', () => {
      const file = encodeReleaseFile(release.envelope, release.artifacts);
      assert.deepEqual(file.slice(0, 3), Uint8Array.of(0xd9, 0xd9, 0xf7));
    });

    const tagged = (fields: readonly (readonly [number, CborValue])[], tag = 55799): Uint8Array =>
      encodeCbor(new Tagged(tag, new Map(fields)));
    const rows = (): readonly (readonly [what: string, file: Uint8Array])[] => {
      const { envelope, artifacts } = release;
      const kind = 'tinylamp-release';
      const file = encodeReleaseFile(envelope, artifacts);
      return [
        ['nothing', new Uint8Array()],
        ['half of it', file.slice(0, file.length >> 1)],
        ['something behind it', Uint8Array.from([...file, 0])],
        [
          'another tag',
          tagged(
            [
              [0, kind],
              [1, envelope],
              [2, artifacts],
            ],
            55800,
          ),
        ],
        [
          'another kind',
          tagged([
            [0, 'cookbook'],
            [1, envelope],
            [2, artifacts],
          ]),
        ],
        [
          'no artifacts',
          tagged([
            [0, kind],
            [1, envelope],
          ]),
        ],
        [
          'an artifact too few',
          tagged([
            [0, kind],
            [1, envelope],
            [2, artifacts.slice(1)],
          ]),
        ],
        [
          'an artifact too many',
          tagged([
            [0, kind],
            [1, envelope],
            [2, [...artifacts, Uint8Array.of(1)]],
          ]),
        ],
        [
          'artifacts in another order',
          tagged([
            [0, kind],
            [1, envelope],
            [2, artifacts.toReversed()],
          ]),
        ],
        [
          'an artifact that is a text',
          tagged([
            [0, kind],
            [1, envelope],
            [2, ['model', 'labels', 'test']],
          ]),
        ],
        ['one changed byte in the model', file.with(file.indexOf(0x54) + 2000, 0xaa)],
      ];
    };
    it('is refused with a code for all that is not quite it', () => {
      for (const [what, file] of rows()) {
        assert.throws(() => parseReleaseFile(file, crypto), { code: 'release-file-invalid' }, what);
      }
    });
  });
});

describe('A transfer in blocks', () => {
  for (const [size, blocks] of [
    [1, 1],
    [4095, 1],
    [4096, 1],
    [4097, 2],
    [12_288, 3],
  ] as const) {
    it(`cuts ${size} bytes into ${blocks} blocks of 4096, and every byte is in one`, () => {
      const bytes = Uint8Array.from({ length: size }, (_, i) => i);
      const parts = splitBlocks(bytes, 4096);
      assert.equal(parts.length, blocks);
      assert.deepEqual(Uint8Array.from(parts.flatMap((part) => [...part])), bytes);
      const transfer = describeTransfer(bytes, 4096, crypto);
      assert.equal(transfer.blockHashes.length, 16 * blocks);
      assert.deepEqual(
        transfer.blockHashes.slice(0, 16),
        crypto.sha256(parts[0] ?? bytes).slice(0, 16),
      );
      assert.deepEqual(transfer.digest, crypto.sha256(bytes));
    });
  }
});
