import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createPlainCbor } from '../../agent/adapters/plain-cbor.js';
import { decodeCbor, decodePlainCbor } from '../../protocol/cbor/decode.js';
import type { CborMap, CborValue, Tagged } from '../../protocol/cbor/value.js';
import { decodeJson } from '../../protocol/json/decode.js';
import { expectOk } from '../../protocol/coded-error.js';
import { sealSign1 } from '../../protocol/cose/sign1.js';
import { encodeBeacon } from '../../protocol/documents/beacon.js';
import { encodeKeyset } from '../../protocol/documents/keyset.js';
import { encodeManifest } from '../../protocol/documents/manifest.js';
import { encodeCommand, type Command } from '../../protocol/messages/command.js';
import { encodeDisagreements } from '../../protocol/messages/disagreements.js';
import { encodeEvidence } from '../../protocol/messages/evidence.js';
import { encodePolicy, parsePolicy } from '../../protocol/documents/policy.js';
import type { ReportMessage } from '../../protocol/messages/report.js';
import { encodeSelfTest } from '../../protocol/documents/self-test.js';
import { encodeReleaseFile, type ReleaseFile } from '../../protocol/documents/release-file.js';
import {
  fixedKey,
  sampleBeacon,
  sampleDisagreements,
  sampleEvidence,
  sampleKeyset,
  frontEndManifest,
  logMelManifest,
  pictureManifest,
  sampleManifest,
  samplePolicy,
  sampleSelfTest,
  replaceField,
  withField,
} from '../helpers/documents.js';
import { requires } from '../helpers/requires.js';
import { Prng } from '../../simulator/prng.js';
import { environments } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import type { WorldDevice } from '../simulation/world-device.js';
import { World } from '../simulation/world.js';

const schema = readFileSync('docs/wire.cddl', 'utf8');
const labelsTopic = 'factory/press-7/truth';

/** The rows of the schema's table of topics: what a topic looks like, and the rule of what is said on it. */
const topicRows = [...schema.matchAll(/^; {3}(<\S+) +([a-z-]+)/gm)].map(
  ([, topic = '', rule = '']) => ({
    topic,
    rule,
    pattern: new RegExp(
      `^${topic
        .replace('<p>', 'tinylamp')
        .replace('<truth>', labelsTopic)
        .replace(/<[^>]+>/g, '[^/]+')}$`,
    ),
  }),
);

/** Rules of what is wrapped in signed documents, and of what never travels by itself. */
const innerRules = [
  ...['sign1-header', 'sign-header', 'signer-header', 'keyset', 'manifest', 'policy', 'beacon'],
  ...['evidence', 'disagreements', 'command', 'response', 'captured-window'],
  ...['self-test', 'release-file'],
];

/**
 * The schema against what really travels: every message of a small world in which a release is installed,
 * another one takes over, a third is compared with it in the shadow, with true labels, and a fourth is refused.
 */
describe('docs/wire.cddl', function () {
  let folder = '';
  let capture: Capture;

  before(async function () {
    requires(this, 'cddl');
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-cddl-'));
    capture = await captureWorld();
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
      const form = isJson(document) ? 'json' : 'cbor';
      const file = path.join(folder, `document-${i}.${form}`);
      writeFileSync(file, document);
      return [`--${form}`, file];
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

  const said = new Set(topicRows.map(({ rule }) => rule));
  for (const rule of [...said, ...innerRules]) {
    // A block is a slice of a file.
    if (rule === 'block') continue;
    it(`describes what really travels: ${rule}`, () => {
      const documents = capture.documents.get(rule) ?? [];
      assert.ok(documents.length > 0, 'nothing was captured');
      assert.equal(validate(rule, documents), '');
    });
  }

  it('has a rule for the whole that takes one of each', () => {
    const rules = [...said, 'self-test', 'release-file'].filter((rule) => rule !== 'block');
    const documents = rules.flatMap((rule) => capture.documents.get(rule)?.slice(0, 1) ?? []);
    const inJson = documents.filter(isJson);
    assert.equal(validate('wire-json', inJson), '');
    assert.equal(
      validate(
        'wire-cbor',
        documents.filter((document) => !inJson.includes(document)),
      ),
      '',
    );
  });

  it('lists every topic on which something was said, and no other', () => {
    assert.deepEqual(capture.strangers, []);
    assert.deepEqual(
      topicRows.filter(({ rule }) => !capture.documents.has(rule)),
      [],
    );
  });

  it('was tried on reports with labelled pairs, on policies with every field, and on results and telemetry in both forms', () => {
    const documents = (rule: string): readonly Uint8Array[] => capture.documents.get(rule) ?? [];
    const plainCbor = createPlainCbor();
    const reports = documents('report').map((bytes) => plainCbor.decode(bytes) as ReportMessage);
    const [pair] = reports.flatMap(({ pairs }) => pairs).filter(({ windows }) => windows > 0);
    assert.ok(pair !== undefined && pair.confusion.length > 0);
    const labelled = reports.flatMap(({ pairs }) => pairs);
    assert.ok(labelled.some((each) => each.bothRight + each.onlyChampionRight > 0));
    assert.ok(labelled.some((each) => each.onlyChallengerRight + each.noneRight > 0));
    const modes = reports.flatMap(({ releases }) => releases.map(({ mode }) => mode));
    assert.deepEqual(new Set(modes), new Set(['served', 'shadow']));
    const policies = documents('policy').map((bytes) => expectOk(parsePolicy(bytes)));
    assert.ok(
      policies.some(
        ({ arms, promoted, gate, trial }) =>
          arms[0]?.shadow !== undefined &&
          promoted !== undefined &&
          gate !== undefined &&
          trial.soakMs > 0,
      ),
    );
    assert.equal(new Set(documents('result').map(isJson)).size, 2);
    assert.equal(new Set(documents('telemetry').map(isJson)).size, 2);
  });

  it('describes documents that use every field', () => {
    const keys = [fixedKey(1), fixedKey(2)];
    assert.equal(validate('keyset', [encodeKeyset(sampleKeyset(keys))]), '');
    assert.equal(validate('manifest', [encodeManifest(sampleManifest())]), '');
    assert.equal(validate('manifest', [encodeManifest(pictureManifest())]), '');
    assert.equal(validate('manifest', [encodeManifest(frontEndManifest())]), '');
    assert.equal(validate('manifest', [encodeManifest(logMelManifest())]), '');
    assert.equal(validate('self-test', [encodeSelfTest(sampleSelfTest())]), '');
    assert.equal(validate('policy', [encodePolicy(samplePolicy())]), '');
    assert.equal(validate('beacon', [encodeBeacon(sampleBeacon())]), '');
    assert.equal(validate('evidence', [encodeEvidence(sampleEvidence())]), '');
    assert.equal(validate('disagreements', [encodeDisagreements(sampleDisagreements())]), '');
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
    ['policy', [3], [1]],
    ['policy', [4, 0, 2, 0], -1],
    ['policy', [4, 0, 3], 10_001],
    ['policy', [4, 0, 4], new Uint8Array(7)],
    ['policy', [4, 0, 5, 1], 0],
    ['policy', [4, 0, 5, 2], undefined],
    ['policy', [5], -1],
    ['policy', [6, 2], 0],
    ['policy', [7, 4], 501],
    ['evidence', [5], new Uint8Array(7)],
    ['evidence', [7], 0],
    ['evidence', [10, 2, 0, 1, 0, 2], 0],
    ['evidence', [16], 3],
    ['disagreements', [7], []],
    ['disagreements', [7, 0, 3], 'normal'],
    ['beacon', [2], -1],
    ['beacon', [4], 'one'],
    ['beacon', [5, 'vibration', 3], []],
    ['beacon', [5, 'vibration', 5], 0],
    ['self-test', [2], '0'],
    ['self-test', [1, 0, 1], undefined],
    ['presence', ['online'], 1],
    ['state', ['boot'], 'first'],
    ['state', ['labels', 'class'], 4],
    ['state', ['slots', 'vibration', 'phase'], 'lost'],
    ['state', ['slots', 'vibration', 'candidate'], '3'],
    ['event-message', ['event'], 'exploded'],
    ['event-message', ['slot'], '!'],
    ['report', ['boot'], -1],
    ['report', ['releases'], 'none'],
    ['report', ['releases', 0, 'mode'], 'tried'],
    ['report', ['releases', 0, 'late'], undefined],
    ['report', ['releases', 0, 'confidence'], [1, 2, 3]],
    ['report', ['releases', 0, 'latency'], [1]],
    ['report', ['pairs'], undefined],
    ['report', ['labelsRefused'], 'none'],
    ['report', ['pairs', 0, 'challenger'], '3'],
    ['report', ['pairs', 0, 'confusion', 0], -1],
    ['report', ['pairs', 0, 'bothRight'], 0.5],
    ['report', ['pairs', 0, 'noneRight'], undefined],
    ['result', ['window'], -1],
    ['result', ['boot'], undefined],
    ['result', ['label'], 4],
    ['telemetry', [0, 0], 7],
    ['telemetry', [0, 2], undefined],
    ['telemetry', [0, 'n'], 7],
    ['telemetry', [0, 'v'], undefined],
    ['want', ['device'], undefined],
    ['want', ['blockSize'], 1024],
    ['want', ['blocks'], undefined],
    ['want', ['blocks'], 'all'],
    ['label-message', ['window'], 1.5],
    ['label-message', ['boot'], undefined],
    ['label-message', ['window'], undefined],
    ['label-message', ['label'], 4],
    ['label-message', ['label'], undefined],
  ];
  for (const [rule, where, value] of broken) {
    it(`refuses a ${rule} whose ${where.join('.')} is ${value === undefined ? 'missing' : 'wrong'}`, () => {
      const documents = capture.documents.get(rule) ?? [];
      const whole = documents.find((document) => hasPlace(document, where));
      assert.ok(whole, 'nothing that was captured has such a place');
      assert.equal(validate(rule, [whole]), '');
      assert.notEqual(validate(rule, [breaking(whole, where, value)]), '');
    });
  }
});

/** What a world has said. */
interface Capture {
  /** Real messages and documents, by the rule that they must obey. */
  readonly documents: ReadonlyMap<string, readonly Uint8Array[]>;
  /** Topics that are in no row of the table. */
  readonly strangers: readonly string[];
}

/** Whether a document has the field around the last key of a path, so that this key can be exchanged. */
function hasPlace(document: Uint8Array, where: readonly (number | string)[]): boolean {
  let at: CborValue | undefined = decode(document);
  for (const key of where.slice(0, -1)) {
    at = Array.isArray(at) ? (at as readonly CborValue[])[Number(key)] : mapOf(at)?.get(key);
  }
  if (Array.isArray(at)) return at.length > Number(where.at(-1));
  const map = mapOf(at);
  // Integer keys are those of CBOR, and names those of the same message in JSON.
  return map !== undefined && [...map.keys()].every((key) => typeof key === typeof where.at(-1));
}

const mapOf = (value: CborValue | undefined): CborMap | undefined =>
  value instanceof Map ? (value as CborMap) : undefined;

/** A document with one field exchanged, or without it. */
function breaking(
  document: Uint8Array,
  where: readonly (number | string)[],
  value: CborValue | undefined,
): Uint8Array {
  if (!isJson(document)) return withField(document, where, value);
  const broken = replaceField(decode(document), where, value);
  const toJson = (_: string, each: unknown): unknown =>
    each instanceof Map ? Object.fromEntries(each as Map<string, unknown>) : each;
  return new TextEncoder().encode(JSON.stringify(broken, toJson));
}

/** In CBOR the first byte would be the head of a text, or of bytes, of astronomical length. */
function isJson([first]: Uint8Array): boolean {
  return first === 0x7b || first === 0x5b;
}

function decode(document: Uint8Array): CborValue {
  if (!isJson(document)) return expectOk(decodePlainCbor(document));
  const json = decodeJson(document, document.length);
  assert.ok(json !== undefined);
  return json;
}

/** Lets a small world talk, and sorts what it said. */
async function captureWorld(): Promise<Capture> {
  const documents = new Map<string, Uint8Array[]>();
  const strangers: string[] = [];
  const add = (rule: string, document: Uint8Array): void => {
    documents.set(rule, [...(documents.get(rule) ?? []), document]);
  };
  const world = await World.create();
  try {
    const { first, captured } = await talk(world);
    for (const file of captured) add('captured-window', file);
    add('release-file', encodeReleaseFile(first.envelope, first.artifacts));
    const selfTest = first.manifest.artifacts.findIndex(({ role }) => role === 'self-test');
    add('self-test', first.artifacts[selfTest] ?? new Uint8Array());
  } finally {
    world.end();
  }
  let results = 0;
  for (const { topic, payload } of world.messages) {
    const row = topicRows.find(({ pattern }) => pattern.test(topic));
    if (row === undefined) strangers.push(topic);
    // An empty retained message only takes another away.
    else if (payload.length === 0) continue;
    // Whoever writes nonsense is refused by the device; that is not for the schema to describe. The tool takes
    // its time, and one result is much like the next.
    else if (payload !== nonsense && (row.rule !== 'result' || results++ % 9 === 0)) {
      add(row.rule, payload);
      const [, signed] = /^signed-(.+)$/.exec(row.rule) ?? [];
      if (signed !== undefined) addWrapped(signed, payload, add);
    }
  }
  return { documents, strangers };
}

const nonsense = Uint8Array.of(1);

/** Gives everyone something to say; returns the first release. */
async function talk(
  world: World,
): Promise<{ readonly first: ReleaseFile; readonly captured: readonly Uint8Array[] }> {
  const device = world.startDevice({ encode: 'cbor', labelsTopic });
  const other = world.startDevice({
    deviceId: 'press-8',
    capture: { bytesPerDay: 100_000 },
    settings: { telemetry: { encode: 'json' } },
    // On this machine the third model differs from the second.
    signal: new VibrationSignal(environments.field, 'normal', Prng.fromSeed(5)),
  });
  const first = await world.release('vibration-v1', 1);
  await world.time.advance(61_000);
  const second = await world.release('vibration-v2', 2);
  await world.time.advance(5_000);

  const third = await world.workshop.build('vibration-v3', 3);
  await world.publishContent(third);
  await world.publishPolicy(second, {
    arms: [{ release: third, shadow: { windows: 40, budgetPermille: 1000 } }],
    promoted: 2,
    trial: { soakMs: 10_000, inferences: 5 },
    gate: samplePolicy().gate,
    evidence: { devices: 2, alphaPermille: 50, deviceMarginPermille: 50, blockWindows: 5 },
  });
  await world.time.advance(20_000);
  for (const [i, { boot, window }] of device.results.slice(-6).entries()) {
    const message = { boot, window, label: i < 3 ? 'normal' : 'bearing-fault' };
    world.broker.publish({
      topic: labelsTopic,
      payload: new TextEncoder().encode(JSON.stringify(message)),
      retained: false,
    });
  }
  await world.time.advance(61_000);
  assert.ok(device.story.includes('3 shadow'), device.story.join('\n'));
  const captured = [...other.disk.files].flatMap(([name, file]) =>
    name.startsWith('capture/') ? [file] : [],
  );
  for (const [i, request] of (
    ['disagreements', 'captured', 'capture', 'capture'] as const
  ).entries()) {
    // The third asks for a window that is there, the last for none, which is refused.
    const [, boot, window] = /\.(\d+)\.(\d+)$/.exec(nameOfCaptured(other)) ?? [];
    const windows = i === 2 ? [{ boot: Number(boot), window: Number(window) }] : [];
    await command(world, {
      ...{ deviceId: 'press-8', slot: 'vibration', request, windows },
      correlation: new Uint8Array(8).fill(i),
      deadlineMs: world.time.wallMs() + 60_000,
    });
  }

  await world.publish(
    world.workshop.withDamagedBlock(await world.workshop.buildUnseen('vibration-v2', 4)),
  );
  await world.time.advance(5_000);
  const fifth = await world.workshop.build('vibration-v1', 5);
  await world.publishContent(fifth);
  world.broker.retained.delete(world.topics.manifest('vibration', 5));
  await world.publishPolicy(fifth);
  await world.time.advance(20_000);
  await world.publish(
    world.workshop.withWrongSelfTest(await world.workshop.build('vibration-v1', 6)),
  );
  await world.time.advance(5_000);
  world.broker.publish({ topic: world.topics.beacon(), payload: nonsense, retained: true });
  await device.stop();
  await other.stop();
  assert.equal(device.state.code, 'self-test-mismatch');
  return { first, captured };
}

function nameOfCaptured(device: WorldDevice): string {
  return [...device.disk.files.keys()].find((name) => name.startsWith('capture/')) ?? '';
}

async function command(world: World, content: Command): Promise<void> {
  const { key } = world.keys;
  const payload = sealSign1('command', key.kid, encodeCommand(content), (bytes) => key.sign(bytes));
  world.broker.publish({
    topic: world.topics.commands(content.deviceId),
    payload,
    retained: false,
  });
  await world.time.advance(2_000);
}

/** What is wrapped in a signed document. */
function addWrapped(
  document: string,
  message: Uint8Array,
  add: (rule: string, document: Uint8Array) => void,
): void {
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
