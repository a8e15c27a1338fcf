import assert from 'node:assert/strict';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import type { SigningKey } from '../../agent/adapters/signing-key.js';
import { fetchCaptures } from '../../operator/field/fetch-captures.js';
import { connectBroker } from '../../operator/publish/broker-client.js';
import { expectOk } from '../../protocol/coded-error.js';
import type { DocumentType } from '../../protocol/cose/header.js';
import { openSign1, sealSign1 } from '../../protocol/cose/sign1.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { limits } from '../../protocol/limits.js';
import {
  parseCapturedWindow,
  samplesOf,
  type CapturedWindow,
} from '../../protocol/messages/captured-window.js';
import { encodeCommand, type Command } from '../../protocol/messages/command.js';
import { parseResponse, type Response } from '../../protocol/messages/response.js';
import { Prng } from '../../simulator/prng.js';
import { environments } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import { fixedKey } from '../helpers/documents.js';
import { settle } from './settle.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';
import { slot } from './world-slot.js';
import { World } from './world.js';

const minuteMs = 60_000;
const labelsTopic = 'factory/press-7/truth';
const shadow = { windows: 1_000, budgetPermille: 1000 };
const evidence = { devices: 1, alphaPermille: 50, deviceMarginPermille: 50, blockWindows: 5 };
/** A window of the demo has 256 frames of three channels. */
const windowBytes = 256 * 3 * 4;
const capture = { bytesPerDay: 100_000 };

describe('Commands to a device', () => {
  let world: World;
  let good: ReleaseFile;
  let bad: ReleaseFile;
  let correlations = 0;

  beforeEach(async () => {
    world = await World.create();
    good = await world.workshop.build('vibration-v2', 2);
    bad = await world.workshop.build('vibration-v3', 3);
  });
  afterEach(() => {
    world.end();
  });

  const start = (options: WorldDeviceOptions = {}): WorldDevice =>
    world.startDevice({
      labelsTopic,
      signal: new VibrationSignal(environments.field, 'normal', Prng.fromSeed(5)),
      capture,
      ...options,
    });
  /** A device that compares two releases that differ now and then. */
  const comparing = async (options?: WorldDeviceOptions): Promise<WorldDevice> => {
    const device = await settle(world, start(options), good);
    await world.publishContent(bad);
    await world.publishPolicy(good, { arms: [{ release: bad, shadow }], evidence });
    await world.time.advance(3 * minuteMs);
    return device;
  };
  const commandFor = (device: WorldDevice, change: Partial<Command> = {}): Command => ({
    deviceId: device.deviceId,
    slot,
    correlation: new Uint8Array(8).fill(++correlations),
    deadlineMs: world.time.wallMs() + minuteMs,
    request: 'disagreements',
    windows: [],
    ...change,
  });
  const sealed = (
    command: Command,
    key: SigningKey = world.keys.key,
    type: DocumentType = 'command',
  ): Uint8Array => sealSign1(type, key.kid, encodeCommand(command), (bytes) => key.sign(bytes));
  const send = (device: WorldDevice, payload: Uint8Array): void => {
    world.broker.publish({
      topic: world.topics.commands(device.deviceId),
      payload,
      retained: false,
    });
  };
  /** What the device has answered to a command, with signatures that hold. */
  const answersTo = (device: WorldDevice, command: Command): readonly Response[] =>
    world.messages
      .filter(({ topic }) => topic === world.topics.responses(device.deviceId))
      .map(({ payload }) => {
        assert.ok(payload.length <= limits.deviceMessageBytes);
        const message = expectOk(openSign1(payload, 'response'));
        const { publicKey } = device.key;
        const crypto = createNodeCrypto();
        assert.ok(crypto.verifyEd25519(publicKey, message.toBeSigned, message.signature));
        return expectOk(parseResponse(message.payload));
      })
      .filter(({ correlation }) => Buffer.compare(correlation, command.correlation) === 0);
  const ask = async (
    device: WorldDevice,
    change: Partial<Command> = {},
  ): Promise<readonly Response[]> => {
    const command = commandFor(device, change);
    send(device, sealed(command));
    await world.time.advance(1_000);
    return answersTo(device, command);
  };
  const refusals = (device: WorldDevice): readonly (string | undefined)[] =>
    device.events.filter(({ event }) => event === 'command-refused').map(({ code }) => code);
  const codesOf = (responses: readonly Response[]): readonly string[] =>
    responses.map(({ content }) =>
      content.kind === 'refused' ? content.rejection.code : content.kind,
    );

  it('that ask for disagreements are answered with all that are kept, signed', async () => {
    const device = await comparing();
    const [answer, ...more] = await ask(device);
    assert.deepEqual(more, []);
    assert.ok(answer?.content.kind === 'disagreements');
    assert.ok(answer.content.entries.length > 10);
    assert.ok(answer.content.entries.every(({ truth }) => truth === undefined));
  });

  it('that ask for captured windows are answered with the very samples', async () => {
    const device = await comparing();
    const [index] = await ask(device, { request: 'captured' });
    assert.ok(index?.content.kind === 'captured');
    const { windows } = index.content;
    assert.ok(windows.length > 10);
    const answers = await ask(device, { request: 'capture', windows: windows.slice(0, 30) });
    assert.ok(answers.length > 1, 'one part is not enough for so much');
    // The same signal again, from its beginning: what the sensor measured in each window.
    const signal = new VibrationSignal(environments.field, 'normal', Prng.fromSeed(5));
    const pieces = answers.flatMap(({ content }) =>
      content.kind === 'capture' ? content.pieces : [],
    );
    const files = new Map(pieces.map(({ window, bytes }) => [window, bytes]));
    for (let window = 1; window <= Math.max(...files.keys()); window++) {
      const values = new Float32Array(256 * 3);
      signal.next(values);
      const file = files.get(window);
      if (file === undefined) continue;
      const captured = expectOk(parseCapturedWindow(file));
      assert.equal(captured.samples.length, windowBytes);
      assert.deepEqual(Buffer.from(captured.samples), Buffer.from(samplesOf(values)));
    }
  });

  it('get captured windows over a power cut, with the labels that came, within the budget of a day', async () => {
    const device = await comparing();
    const [index] = await ask(device, { request: 'captured' });
    assert.ok(index?.content.kind === 'captured');
    const [first] = index.content.windows;
    assert.ok(first !== undefined);
    world.broker.publish({
      topic: labelsTopic,
      payload: Buffer.from(JSON.stringify({ ...first, label: 'normal' })),
      retained: false,
    });
    await world.time.advance(10 * minuteMs);
    device.losePower();
    const again = start({ disk: device.disk });
    await world.time.advance(10 * minuteMs);
    const [later] = await ask(again, { request: 'captured' });
    assert.ok(later?.content.kind === 'captured');
    const kept = later.content.windows;
    assert.ok(kept.length >= index.content.windows.length);
    const bytes = kept.reduce((sum, each) => sum + each.bytes, 0);
    assert.ok(bytes <= capture.bytesPerDay + 32, `${bytes} bytes in one day`);
    const [answer] = await ask(again, { request: 'capture', windows: [first] });
    assert.ok(answer?.content.kind === 'capture');
    const [piece] = answer.content.pieces;
    assert.ok(piece !== undefined);
    assert.equal(expectOk(parseCapturedWindow(piece.bytes)).truth, 'normal');
  });

  /** Fetches what a device has captured, with the parts of answers that `passes` lets through. */
  const fetch = async (
    device: WorldDevice,
    passes: (part: number, bytes: number) => boolean,
  ): Promise<readonly CapturedWindow[]> => {
    const scheduler = world.time.createScheduler();
    const client = await world.carryThrough(
      connectBroker(world.broker.createTransport({ scheduler, spoolBytes: 1e6 }), scheduler),
    );
    let parts = 0;
    const tools = {
      client: {
        ...client,
        listen: (topic: string, hear: (payload: Uint8Array) => void): Promise<() => void> =>
          client.listen(topic, (payload) => {
            if (passes(++parts, payload.length)) hear(payload);
          }),
      },
      ...{ topics: world.topics, key: world.keys.key, crypto: createNodeCrypto(), scheduler },
      wallMs: (): number => world.time.wallMs(),
      randomBytes: (length: number): Uint8Array => new Uint8Array(length).fill(++correlations),
    };
    const windows: CapturedWindow[] = [];
    const asked = { deviceId: device.deviceId, publicKey: device.key.publicKey };
    const options = { slot, timeoutMs: 2_000, progress: () => undefined };
    const fetching = fetchCaptures(tools, asked, options, (window) => windows.push(window));
    await world.carryThrough(fetching);
    return windows;
  };

  it('are asked again for what did not come, until every window is there once', async () => {
    const device = await comparing();
    const windows = await fetch(device, (part) => part !== 3);
    const numbers = windows.map(({ entry }) => entry.window);
    assert.ok(numbers.length > 25);
    assert.equal(new Set(numbers).size, numbers.length);
    const [index] = await ask(device, { request: 'captured' });
    assert.ok(index?.content.kind === 'captured');
    assert.ok(index.content.windows.length >= numbers.length);
  });

  it('give no data set where a part never comes', async () => {
    const device = await comparing();
    await assert.rejects(
      fetch(device, (_, bytes) => bytes < 40_000),
      { code: 'capture-incomplete' },
    );
  });

  it('find nothing where capture is off, and what was kept before is removed, also of a slot that is gone', async () => {
    const device = await comparing();
    device.disk.files.set('capture/camera.20000.1.1', new Uint8Array(10));
    device.losePower();
    const again = start({ disk: device.disk, capture: undefined });
    await world.time.advance(minuteMs);
    assert.deepEqual(codesOf(await ask(again, { request: 'captured' })), ['capture-off']);
    const kept = [...device.disk.files.keys()].filter((name) => name.startsWith('capture/'));
    assert.deepEqual(kept, []);
  });

  it('leave the two releases of a slot their room, however large the budget is', async () => {
    const device = await comparing({
      storageBytes: 2 * 1_048_576 + 120_000,
      capture: { bytesPerDay: 1_000_000_000 },
    });
    await world.time.advance(10 * minuteMs);
    const bytes = [...device.disk.files].reduce(
      (sum, [name, file]) => (name.startsWith('capture/') ? sum + file.length : sum),
      0,
    );
    assert.ok(bytes < 120_000, `${bytes} bytes`);
  });

  it('that are hostile are refused with a code, answered to nobody but the operator, and the champion serves on', async () => {
    const device = await comparing();
    const before = device.results.length;
    const stranger = fixedKey(99);
    const hostile: readonly (readonly [payload: Uint8Array, code: string])[] = [
      [Uint8Array.of(1, 2, 3), 'cbor-not-deterministic'],
      [new Uint8Array(limits.commandBytes + 1), 'document-too-large'],
      [sealed(commandFor(device), stranger), 'key-unknown'],
      [
        sealed(commandFor(device), {
          ...stranger,
          kid: world.keys.key.kid,
          sign: (bytes) => stranger.sign(bytes),
        }),
        'signature-invalid',
      ],
      [sealed(commandFor(device), world.keys.key, 'policy'), 'document-type-mismatch'],
      [sealed(commandFor(device, { deviceId: 'press-8' })), 'command-misplaced'],
      [sealed(commandFor(device, { slot: 'camera' })), 'command-misplaced'],
    ];
    for (const [payload, code] of hostile) {
      send(device, payload);
      await world.time.advance(20_000);
      assert.equal(refusals(device).at(-1), code);
    }
    const answered = world.messages.filter(
      ({ topic }) => topic === world.topics.responses(device.deviceId),
    );
    assert.deepEqual(answered, []);
    assert.ok(device.results.length >= before + 20 * hostile.length - 1);
  });

  it('that have ended, or end too far ahead, are refused in words', async () => {
    const device = await comparing();
    const nowMs = world.time.wallMs();
    for (const deadlineMs of [nowMs - 1, nowMs + 2 * limits.commandAheadMs]) {
      assert.deepEqual(codesOf(await ask(device, { deadlineMs })), ['command-expired']);
    }
    assert.deepEqual(codesOf(await ask(device, { request: 'capture' })), ['document-invalid']);
  });

  it('are answered once, however often they come', async () => {
    const device = await comparing();
    const command = commandFor(device);
    for (let i = 0; i < 5; i++) {
      send(device, sealed(command));
      await world.time.advance(2_000);
    }
    assert.deepEqual(codesOf(answersTo(device, command)), ['disagreements']);
    assert.ok(refusals(device).includes('command-repeated'));
  });

  it('in a flood are looked at a few in a second, and no window is lost', async () => {
    const device = await comparing();
    const before = device.results.length;
    const many = Array.from({ length: 500 }, () => commandFor(device));
    for (const [i, command] of many.entries()) {
      const correlation = new Uint8Array(8);
      new DataView(correlation.buffer).setUint32(0, i + 1);
      send(device, sealed({ ...command, correlation }));
    }
    await world.time.advance(10_000);
    const answered = world.messages.filter(
      ({ topic }) => topic === world.topics.responses(device.deviceId),
    );
    assert.ok(answered.length >= 1 && answered.length <= 8, `${answered.length} answers`);
    assert.ok(device.results.length >= before + 9);
  });
});
