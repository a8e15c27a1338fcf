import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { setTimeout as pass } from 'node:timers/promises';
import { MediaDecoder } from '../../agent/adapters/media/media-decoder.js';
import mqtt from 'mqtt';
import { buildRelease } from '../../operator/release/build-release.js';
import { expectOk } from '../../protocol/coded-error.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import { writeEchoModel } from '../helpers/model-file.js';
import { Journal } from '../helpers/journal.js';
import { pictureFile } from '../helpers/picture-files.js';
import { requires } from '../helpers/requires.js';
import { createTools, Site } from '../helpers/site.js';

describe('an agent with a camera that sends JPEG', () => {
  let site: Site;
  before(async function () {
    requires(this, 'mosquitto');
    site = await Site.open();
    writeFileSync(
      site.configFile,
      `deviceId: ${site.deviceId}
stateDir: state
mqtt: {url: "${site.broker.url}"}
trust: {keyset: keys/keyset.cbor}
slots:
  ${site.slot}:
    source: {type: mqtt, topic: camera, decode: jpeg}
`,
    );
  });
  after(() => site?.close());

  it('answers pictures of any size as they are seen when decoded here, and skips a damaged one', async () => {
    const window = {
      frames: 16,
      stride: 16,
      channels: 3,
      sampleRateHz: undefined,
      resize: { width: 4, height: 4, fit: 'crop' },
    } as const;
    // A model that gives its pixels back shows what it has seen.
    const release = await buildRelease(
      {
        model: writeEchoModel(48, 1),
        labels: [],
        pipeline: (models) => ({
          window,
          normalise: { kind: 'none', multiply: 1, add: -128 },
          models,
          decision: { kind: 'none' },
        }),
        slot: site.slot,
        name: 'echo',
        version: '',
        sequence: 1,
        epoch: 0,
      },
      await createTools(site.keys),
    );
    await site.publish(release);
    const results = new Journal<ResultMessage>('results');
    const client = await mqtt.connectAsync(site.broker.url);
    client.on('message', (_, payload) => {
      results.add(JSON.parse(payload.toString()) as ResultMessage);
    });
    await client.subscribeAsync(`tinylamp/devices/${site.deviceId}/results/${site.slot}`);
    const agent = site.startAgent();
    const decoder = new MediaDecoder();
    try {
      await agent.log.find(({ event }) => event === 'trial');
      // It listens to its source a moment later, which nothing tells.
      await pass(500);
      const names = ['colours.jpg', 'turned-6.jpg', 'progressive.jpg'];
      for (const [i, name] of names.entries()) {
        const bytes = pictureFile(name);
        if (i > 0) client.publish('camera', Buffer.from(bytes.subarray(0, 300)));
        client.publish('camera', Buffer.from(bytes));
        const { scores } = await results.find(({ window: number }) => number === i + 1);
        const form = { ...window, decode: 'jpeg' } as const;
        const { values } = expectOk(await decoder.decode(bytes, form));
        assert.deepEqual(
          scores,
          [...values].map((value) => roundAway(value - 128)),
          name,
        );
      }
      await agent.log.find(
        ({ msg, code }) => msg === 'picture-invalid' || code === 'picture-invalid',
      );
    } finally {
      await decoder.close();
      await agent.end();
      await client.endAsync();
    }
  });
});

/** To the nearest whole number, and halves away from zero, as tensors are quantised. */
function roundAway(value: number): number {
  return value < 0 ? -Math.round(-value) : Math.round(value);
}
