import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createPlainCbor } from '../../agent/adapters/plain-cbor.js';
import { decodeCbor } from '../../agent/core/cbor/decode.js';
import { type CborValue, type Tagged } from '../../agent/core/cbor/value.js';
import { expectOk } from '../../agent/core/coded-error.js';
import { encodeBeacon } from '../../agent/core/documents/beacon.js';
import { encodeKeyset } from '../../agent/core/documents/keyset.js';
import { encodeManifest } from '../../agent/core/documents/manifest.js';
import { encodePolicy } from '../../agent/core/documents/policy.js';
import { encodeReleaseFile } from '../../operator/release/release-file.js';
import {
  fixedKey,
  sampleBeacon,
  sampleKeyset,
  sampleManifest,
  samplePolicy,
  withField,
} from '../helpers/documents.js';
import { requires } from '../helpers/requires.js';
import { World } from '../simulation/world.js';

const schema = readFileSync('docs/wire.cddl', 'utf8');

/**
 * The schema against what really travels: every message of a small world in which a release is installed,
 * another one takes over, and a third is refused.
 */
describe('docs/wire.cddl', function () {
  let folder = '';
  /** Real messages, by the rule that they must obey. */
  const messages = new Map<string, Uint8Array[]>();

  before(async function () {
    requires(this, 'cddl');
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-cddl-'));
    await capture(messages);
  });
  after(() => {
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  /** Whether the cddl tool accepts these documents under one rule of the schema. */
  const validate = (rule: string, documents: readonly Uint8Array[]): string => {
    const schemaFile = path.join(folder, 'schema.cddl');
    // The first rule is the one that counts.
    writeFileSync(schemaFile, `the-document = ${rule}\n${schema}`);
    const files = documents.flatMap((document, i) => {
      const file = path.join(folder, `document-${i}.cbor`);
      writeFileSync(file, document);
      return ['--cbor', file];
    });
    const run = spawnSync('cddl', ['validate', '--cddl', schemaFile, ...files], {
      encoding: 'utf8',
    });
    const output = `${run.stdout}${run.stderr}`;
    // The tool says in words what it found; its exit code alone has meant little.
    const valid = output.match(/is successful/g)?.length ?? 0;
    return valid === documents.length && run.status === 0
      ? ''
      : output.slice(0, 2000) || 'no answer';
  };

  const rules = [
    ...[
      'signed-keyset',
      'signed-manifest',
      'signed-policy',
      'signed-beacon',
      'self-test',
      'release-file',
    ],
    ...['presence', 'state', 'event', 'report', 'result', 'telemetry', 'wire'],
    ...['sign1-header', 'sign-header', 'signer-header', 'keyset', 'manifest', 'policy', 'beacon'],
  ];
  for (const rule of rules) {
    it(`describes what really travels: ${rule}`, () => {
      const documents = messages.get(rule) ?? [];
      assert.ok(documents.length > 0, 'nothing was captured');
      assert.equal(validate(rule, documents), '');
    });
  }

  it('describes documents that use every field', () => {
    const keys = [fixedKey(1), fixedKey(2)];
    assert.equal(validate('keyset', [encodeKeyset(sampleKeyset(keys))]), '');
    assert.equal(validate('manifest', [encodeManifest(sampleManifest())]), '');
    assert.equal(validate('policy', [encodePolicy(samplePolicy())]), '');
    assert.equal(validate('beacon', [encodeBeacon(sampleBeacon())]), '');
  });

  /** Rows that break one thing each: the schema must refuse them, or it says nothing. */
  const broken: readonly (readonly [
    rule: string,
    path: readonly (number | string)[],
    value: CborValue | undefined,
  ])[] = [
    ['keyset', [4, 0, 2], new Uint8Array(31)],
    ['keyset', [3], 17],
    ['keyset', [2], undefined],
    ['manifest', [1], 0],
    ['manifest', [3], 7],
    ['manifest', [10, 0, 5, 0, 4], 1024],
    ['manifest', [11, 4], undefined],
    ['policy', [4, 0, 3], 10_001],
    ['policy', [3], [1]],
    ['beacon', [2], -1],
    ['beacon', [4], 'one'],
    ['self-test', [2], '0'],
    ['presence', ['online'], 1],
    ['state', ['boot'], 'first'],
    ['event', ['event'], 'exploded'],
    ['report', ['releases'], 'none'],
    ['report', ['boot'], -1],
    ['result', ['window'], -1],
  ];
  for (const [rule, where, value] of broken) {
    it(`refuses a ${rule} whose ${where.join('.')} is ${value === undefined ? 'missing' : 'wrong'}`, () => {
      const [document] = messages.get(rule) ?? [];
      assert.ok(document);
      assert.equal(validate(rule, [document]), '');
      assert.notEqual(validate(rule, [breaking(document, where, value)]), '');
    });
  }
});

/** A document with one field exchanged. What devices say is plain CBOR, which the strict codec may refuse. */
function breaking(
  document: Uint8Array,
  where: readonly (number | string)[],
  value: CborValue | undefined,
): Uint8Array {
  const [name] = where;
  if (typeof name !== 'string') return withField(document, where, value);
  const plainCbor = createPlainCbor();
  return plainCbor.encode({ ...(plainCbor.decode(document) as object), [name]: value });
}

/** Lets a small world talk, and sorts what it said. */
async function capture(messages: Map<string, Uint8Array[]>): Promise<void> {
  const add = (rule: string, document: Uint8Array): void => {
    messages.set(rule, [...(messages.get(rule) ?? []), document]);
    if (!rule.includes('header') && !['keyset', 'manifest', 'policy', 'beacon'].includes(rule)) {
      messages.set('wire', [...(messages.get('wire') ?? []), document]);
    }
  };
  const world = await World.create();
  try {
    const device = world.createDevice({ encode: 'cbor' });
    device.start();
    const first = await world.release('vibration-v1', 1);
    await world.time.advance(61_000);
    await world.release('vibration-v2', 2);
    await world.time.advance(5_000);
    await world.publish(
      world.workshop.withWrongSelfTest(await world.workshop.build('vibration-v1', 3)),
    );
    await world.time.advance(5_000);
    world.broker.publish({
      topic: world.topics.beacon(),
      payload: Uint8Array.of(1),
      retained: true,
    });
    await device.stop();
    assert.equal(device.state.code, 'self-test-mismatch');
    add('release-file', encodeReleaseFile(first.envelope, first.artifacts));
    const selfTest = first.manifest.artifacts.findIndex(({ role }) => role === 'self-test');
    add('self-test', first.artifacts[selfTest] ?? new Uint8Array());
    for (const { topic, payload } of world.messages) {
      const channel = world.topics.parseDevice(topic)?.channel;
      if (channel !== undefined)
        add(channel === 'events' ? 'event' : channel === 'results' ? 'result' : channel, payload);
      else if (payload.length > 1) addSigned(topic.split('/')[1] ?? '', payload, add);
    }
  } finally {
    world.end();
  }
}

const documentOf: Readonly<Record<string, string>> = {
  keyset: 'keyset',
  manifests: 'manifest',
  policies: 'policy',
  beacon: 'beacon',
};

/** A signed document, and what is wrapped in it. */
function addSigned(
  folder: string,
  message: Uint8Array,
  add: (rule: string, document: Uint8Array) => void,
): void {
  const document = documentOf[folder];
  if (document === undefined) return;
  add(`signed-${document}`, message);
  const { value } = expectOk(decodeCbor(message)) as Tagged;
  const [header, , payload, signatures] = value as readonly CborValue[];
  add(document, payload as Uint8Array);
  if (document !== 'keyset') {
    add('sign1-header', header as Uint8Array);
    return;
  }
  add('sign-header', header as Uint8Array);
  for (const signature of signatures as readonly (readonly CborValue[])[]) {
    add('signer-header', signature[0] as Uint8Array);
  }
}
