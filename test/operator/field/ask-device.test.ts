import assert from 'node:assert/strict';
import { createCronScheduler } from '../../../agent/adapters/cron-scheduler.js';
import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import type { SigningKey } from '../../../agent/adapters/signing-key.js';
import {
  askDevice,
  type Answer,
  type AskedDevice,
  type FieldTools,
} from '../../../operator/field/ask-device.js';
import { truthTopicOf } from '../../../operator/field/publish-labels.js';
import { connectBroker } from '../../../operator/publish/broker-client.js';
import { expectOk } from '../../../protocol/coded-error.js';
import { openSign1, sealSign1 } from '../../../protocol/cose/sign1.js';
import { parseCommand, type Command } from '../../../protocol/messages/command.js';
import {
  encodeResponse,
  type Response,
  type ResponseContent,
} from '../../../protocol/messages/response.js';
import { createTopics } from '../../../protocol/topics.js';
import { MemoryBroker } from '../../../simulator/ports/memory-broker.js';
import { fixedKey } from '../../helpers/documents.js';

const topics = createTopics('tinylamp');
const deviceKey = fixedKey(7);
const stranger = fixedKey(8);
const device: AskedDevice = { deviceId: 'press-7', publicKey: deviceKey.publicKey };
const question = { slot: 'vibration', request: 'captured', windows: [], timeoutMs: 300 } as const;

describe('Asking a device', () => {
  /** What comes back on the topic of its answers. */
  let answer: (command: Command) => readonly Uint8Array[];
  let tools: FieldTools;
  let commands = 0;

  beforeEach(async () => {
    commands = 0;
    const scheduler = createCronScheduler();
    const broker: MemoryBroker = new MemoryBroker((message) => {
      if (message.topic !== topics.commands('press-7')) return;
      commands++;
      const { payload } = expectOk(openSign1(message.payload, 'command'));
      const command = expectOk(parseCommand(payload));
      setImmediate(() => {
        for (const part of answer(command)) {
          broker.publish({ topic: topics.responses('press-7'), payload: part, retained: false });
        }
      });
    });
    let drawn = 0;
    tools = {
      client: await connectBroker(
        broker.createTransport({ scheduler, spoolBytes: 1e6 }),
        scheduler,
      ),
      topics,
      key: fixedKey(1),
      crypto: createNodeCrypto(),
      scheduler,
      wallMs: () => Date.now(),
      randomBytes: (length) => new Uint8Array(length).fill(++drawn),
    };
  });
  afterEach(async () => {
    await tools.client.close();
  });

  const part = (
    command: Command,
    change: Partial<Response> = {},
    key: SigningKey = deviceKey,
  ): Uint8Array => {
    const { deviceId, slot, correlation } = command;
    const content: ResponseContent = { kind: 'captured', windows: [] };
    const payload = encodeResponse({
      ...{ deviceId, slot, correlation, part: 0, parts: 1, content },
      ...change,
    });
    return sealSign1('response', key.kid, payload, (bytes) => key.sign(bytes));
  };
  const numbered = (number: number): { part: number; parts: number; content: ResponseContent } => ({
    part: number,
    parts: 3,
    content: { kind: 'captured', windows: [{ boot: 1, window: number, bytes: 1 }] },
  });
  const windowsOf = ({ contents }: Answer): readonly number[] =>
    contents.flatMap((content) =>
      content.kind === 'captured' ? content.windows.map(({ window }) => window) : [],
    );

  it('gives its parts in order, however they come and how often', async () => {
    answer = (command) => [2, 0, 0, 2, 1].map((number) => part(command, numbered(number)));
    const given = await askDevice(tools, device, question);
    assert.deepEqual([windowsOf(given), given.isWhole], [[0, 1, 2], true]);
  });

  it('says that an answer is not whole where a part is lost', async () => {
    answer = (command) => [0, 2].map((number) => part(command, numbered(number)));
    const given = await askDevice(tools, device, question);
    assert.deepEqual([windowsOf(given), given.isWhole], [[0, 2], false]);
  });

  it('believes nothing but what its key has signed for this question', async () => {
    answer = (command) => [
      part(command, {}, stranger),
      part(command, { correlation: new Uint8Array(16) }),
      part(command, { deviceId: 'press-8' }),
      part(command, { slot: 'sound' }),
      Uint8Array.of(1),
      sealSign1('evidence', deviceKey.kid, new Uint8Array(), (bytes) => deviceKey.sign(bytes)),
    ];
    await assert.rejects(askDevice(tools, device, question), {
      code: 'command-unanswered',
      detail: /1 answers were not signed by its key/,
    });
  });

  it('tries again where the device is busy, and passes on what it refuses', async () => {
    const refusal = (code: 'command-busy' | 'capture-off'): ResponseContent => ({
      kind: 'refused',
      rejection: { code, detail: 'so it is' },
    });
    answer = (command) => [
      part(command, { content: refusal(commands === 1 ? 'command-busy' : 'capture-off') }),
    ];
    await assert.rejects(askDevice(tools, device, question), { code: 'capture-off' });
    assert.equal(commands, 2);
  }).timeout(5_000);
});

describe('The topic of true labels', () => {
  const named = (truth: string | undefined): string =>
    truthTopicOf(
      { topics },
      { key: undefined, truthOf: () => truth },
      { deviceId: 'press-7', slot: 'vibration' },
    );

  it('is what the state of the device names', () => {
    assert.equal(named('factory/press-7/truth'), 'factory/press-7/truth');
  });

  const wrong = [undefined, '', '#', 'a/+/b', '$SYS/a', 'tinylamp/beacon', 'tinylamp/policies/a'];
  for (const truth of wrong) {
    it(`is none where it names ${truth}`, () => {
      assert.throws(() => named(truth), { code: 'truth-unknown' });
    });
  }
});
