import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { PassThrough, Readable } from 'node:stream';
import fc from 'fast-check';
import { createJsonDecoder } from '../../../../agent/adapters/sources/json-decoder.js';
import { createRawDecoder } from '../../../../agent/adapters/sources/raw-decoder.js';
import { createStreamSource, type Cut } from '../../../../agent/adapters/sources/stream-source.js';
import type { Decoder } from '../../../../agent/adapters/sources/decoder.js';
import { createSystemClock } from '../../../../agent/adapters/system-clock.js';
import { accept } from '../../../../protocol/result.js';
import type { Sensor } from '../../../../agent/ports/sensor.js';
import { Mailbox } from '../../../helpers/mailbox.js';

describe('a source that reads a stream', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-source-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const fileWith = (name: string, content: string | Uint8Array): (() => Readable) => {
    writeFileSync(path.join(folder, name), content);
    return () => createReadStream(path.join(folder, name));
  };

  it('gives a line of JSON as a message, and an empty line as nothing', async () => {
    const open = fileWith('lines', '{"x":1}\n\n{"x":2}\r\n\r\n{"x":[3,4]}');
    assert.deepEqual(await readAll(lines(open)), [[1], [2], [3, 4], 'ended']);
  });

  it('refuses a line that is none, and goes on with the next', async () => {
    const open = fileWith('wrong', '{"x":1}\nnonsense\n{"y":1}\n{"x":2}\n');
    const seen = await readAll(lines(open));
    assert.deepEqual(seen, [[1], 'sample-invalid', 'sample-invalid', [2], 'ended']);
  });

  it('refuses a line without an end once, and goes on behind it', async () => {
    const endless = Buffer.alloc(20_000_000, 'x');
    const open = fileWith('long', Buffer.concat([endless, Buffer.from('\n{"x":2}\n')]));
    assert.deepEqual(await readAll(lines(open)), ['sample-invalid', [2], 'ended']);
  });

  it('gives whole frames however the stream is cut, and refuses a half one at the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 90 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 }),
        async (bytes, sizes) => {
          const decode = createRawDecoder('uint8', 3);
          const cut: Cut = { kind: 'frames', frameBytes: 3 };
          const open = () => Readable.from(chunksOf(bytes, sizes));
          const seen = await readAll(source(open, cut, decode, 3));
          const whole = bytes.length - (bytes.length % 3);
          const values = seen.flatMap((each) => (Array.isArray(each) ? each : []));
          assert.deepEqual(values, [...bytes.subarray(0, whole)]);
          const words = seen.filter((each) => !Array.isArray(each));
          assert.deepEqual(words, [...(whole < bytes.length ? ['sample-invalid'] : []), 'ended']);
        },
      ),
      { seed: 1, numRuns: 100 },
    );
  });

  it('gives a picture at once, and refuses one that is too large at once', async () => {
    const decode: Decoder = (bytes) => accept(Float32Array.from(bytes));
    const open = fileWith('picture', new Uint8Array(200_000).fill(7));
    const seen = await readAll(source(open, { kind: 'whole', gives: 'picture' }, decode, 1));
    assert.deepEqual([seen.length, seen[0]?.length, seen[1]], [2, 200_000, 'ended']);
    if (process.platform === 'win32') return;
    const endless = source(
      () => createReadStream('/dev/zero'),
      { kind: 'whole', gives: 'picture' },
      decode,
      1,
    );
    assert.deepEqual(await readAll(endless), ['sample-invalid', 'ended']);
  });

  it('says that a file is missing, and that a folder is none', async () => {
    const missing = lines(() => createReadStream(path.join(folder, 'missing')));
    assert.deepEqual(await readAll(missing), ['file-unreadable', 'ended']);
    assert.deepEqual(await readAll(lines(() => createReadStream(folder))), [
      'file-unreadable',
      'ended',
    ]);
  });

  it('waits while enough windows wait for their inference', async () => {
    const bytes = new Uint8Array(1_000_000);
    const stream = createReadStream(path.join(folder, 'many'), { highWaterMark: 10_000 });
    writeFileSync(path.join(folder, 'many'), bytes);
    let room: () => void = () => undefined;
    const asked = new Mailbox<number>();
    const sensor = source(
      () => stream,
      { kind: 'frames', frameBytes: 1 },
      createRawDecoder('uint8', 1),
      1,
    );
    let taken = 0;
    const ended = new Mailbox<'ended'>();
    sensor.open({
      samples(values) {
        taken += values.length;
        asked.put(taken);
        return () => new Promise<void>((resolve) => (room = resolve));
      },
      interrupted: () => assert.fail('a stream has no sessions'),
      refused: () => undefined,
      ended: () => {
        ended.put('ended');
      },
    });
    for (let i = 1; i <= 100; i++) {
      // Eight frames at a time, and nothing more before there is room.
      assert.equal(await asked.next(), i * 8);
      await new Promise(setImmediate);
      assert.deepEqual(asked.unread, []);
      assert.ok(stream.bytesRead <= 60_000);
      room();
    }
    await sensor.close();
    room();
    await new Promise(setImmediate);
    assert.ok(taken <= 101 * 8);
    assert.deepEqual(ended.unread, []);
  });

  it('leaves standard input to its successor, with what was not read', async () => {
    const input = new PassThrough();
    const open = () => input;
    const first = lines(open, true);
    const before = new Mailbox<Seen>();
    listen(first, before);
    input.write('{"x":1}\n');
    assert.deepEqual(await before.next(), [1]);
    await first.close();
    const after = new Mailbox<Seen>();
    listen(lines(open, true), after);
    input.write('{"x":2}\n');
    assert.deepEqual(await after.next(), [2]);
    input.end('{"x":3}\n');
    assert.deepEqual([await after.next(), await after.next()], [[3], 'ended']);
    assert.deepEqual(before.unread, []);
  });

  it('reads what another process writes', async () => {
    const script = 'for (let i = 0; i < 3; i++) console.log(JSON.stringify({ x: i }))';
    const writer = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    const seen = await readAll(lines(() => writer.stdout));
    assert.deepEqual(seen, [[0], [1], [2], 'ended']);
  });
});

/** A line or a picture may be that long. */
const maxBytes = 8_388_608;

/** Samples, the code of a refusal, or the end. */
type Seen = number[] | string;

function source(open: () => Readable, cut: Cut, decode: Decoder, channels: number): Sensor {
  return createStreamSource({ open, cut, decode, channels, maxBytes, clock: createSystemClock() });
}

function lines(open: () => Readable, keepsOpen = false): Sensor {
  const decode = createJsonDecoder(['/x'], 1);
  const cut: Cut = { kind: 'lines' };
  return createStreamSource({
    ...{ open, keepsOpen, cut, decode, channels: 1, maxBytes },
    clock: createSystemClock(),
  });
}

function listen(sensor: Sensor, seen: Mailbox<Seen>): void {
  sensor.open({
    samples: (values) => {
      seen.put([...values]);
      return undefined;
    },
    interrupted: () => assert.fail('a stream has no sessions'),
    refused: ({ code }) => {
      seen.put(code);
    },
    ended: () => {
      seen.put('ended');
    },
  });
}

async function readAll(sensor: Sensor): Promise<Seen[]> {
  const seen = new Mailbox<Seen>();
  listen(sensor, seen);
  const all: Seen[] = [];
  do all.push(await seen.next());
  while (all.at(-1) !== 'ended');
  return all;
}

function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
