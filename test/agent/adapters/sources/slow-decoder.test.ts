import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMqttSource } from '../../../../agent/adapters/sources/mqtt-source.js';
import { createSource } from '../../../../agent/adapters/sources/create-source.js';
import { createSystemClock } from '../../../../agent/adapters/system-clock.js';
import type { Sensor, SensorListener } from '../../../../agent/ports/sensor.js';
import type { Transport } from '../../../../agent/ports/transport.js';
import type { Result } from '../../../../protocol/result.js';
import { Mailbox } from '../../../helpers/mailbox.js';
import { samples16, writeWav } from '../../../helpers/wav-file.js';

type Deliver = (message: { payload: Uint8Array; retained: boolean }) => void;

describe('a source whose decoder takes its time', () => {
  const clock = createSystemClock();
  const seen = new Mailbox<number[] | string>();
  const listener: SensorListener = {
    samples: (values) => {
      seen.put([...values]);
      return undefined;
    },
    interrupted: () => {
      seen.put('interrupted');
    },
    refused: ({ code }) => {
      seen.put(code);
    },
    ended: () => {
      seen.put('ended');
    },
  };
  afterEach(() => {
    assert.deepEqual(seen.unread, []);
  });

  describe('on a topic', () => {
    let deliver: Deliver;
    let answers: ((values: number[]) => void)[];
    let sensor: Sensor;
    beforeEach(() => {
      answers = [];
      const transport = {
        subscribe: (_topic: string, heard: Deliver) => {
          deliver = heard;
          return () => undefined;
        },
      } as unknown as Transport;
      const decode = (): Promise<Result<Float32Array>> =>
        new Promise((resolve) => {
          answers.push((values) => {
            resolve({ ok: true, value: Float32Array.from(values) });
          });
        });
      sensor = createMqttSource({ topic: 'sound', maxBytes: 1_024 }, decode, transport, clock);
      sensor.open(listener);
    });
    let sent = 0;
    const send = (retained = false): void => {
      deliver({ payload: Uint8Array.of(++sent), retained });
    };

    it('tells of another session after the messages that came before it', async () => {
      send();
      sensor.sessionBegan?.();
      send();
      answers[0]?.([1]);
      assert.deepEqual([await seen.next(), await seen.next()], [[1], 'interrupted']);
      answers[1]?.([2]);
      assert.deepEqual(await seen.next(), [2]);
      sensor.sessionBegan?.();
      assert.deepEqual(await seen.next(), 'interrupted');
    });

    it('keeps a retained message apart from those around it', async () => {
      send();
      send(true);
      answers[1]?.([2]);
      answers[0]?.([1]);
      const order = [await seen.next(), await seen.next()];
      assert.deepEqual(order, [[1], 'interrupted']);
      assert.deepEqual([await seen.next(), await seen.next()], [[2], 'interrupted']);
    });

    it('gives nothing after it is closed', async () => {
      send();
      await sensor.close();
      answers[0]?.([1]);
      await new Promise(setImmediate);
    });
  });

  it('reads a file of sound, a few frames at a time', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-wav-'));
    try {
      const file = path.join(folder, 'clip.wav');
      writeFileSync(file, writeWav(samples16([1, 2, 3, 4, 5, 6, 7, 8, 9])));
      const sensor = createSource(
        { type: 'file', path: file, decode: 'wav', maxBytes: 4_096 },
        { channels: 1, sampleRateHz: 16_000 },
        { transport: {} as Transport, clock, note: () => undefined },
      );
      sensor.open(listener);
      assert.deepEqual(await seen.next(), [1, 2, 3, 4, 5, 6, 7, 8]);
      assert.deepEqual([await seen.next(), await seen.next()], [[9], 'ended']);
      await sensor.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
