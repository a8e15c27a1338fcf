import assert from 'node:assert/strict';
import sinon from 'sinon';
import { LineQueue, type LogSink } from '../../../../agent/adapters/log/line-queue.js';

/** A sink that takes what the test says: everything, some bytes, nothing, or with an error. */
interface FakeSink {
  readonly sink: LogSink;
  /** What came through, in order. */
  text(): string;
  calls: number;
  take: (length: number) => number | string;
}

function createFakeSink(): FakeSink {
  const taken: Uint8Array[] = [];
  const fake: FakeSink = {
    calls: 0,
    take: (length) => length,
    text: () => Buffer.concat(taken).toString(),
    sink(bytes, done) {
      fake.calls++;
      setTimeout(() => {
        const outcome = fake.take(bytes.length);
        if (typeof outcome === 'string') {
          done(Object.assign(new Error(outcome), { code: outcome }), 0);
          return;
        }
        taken.push(bytes.slice(0, outcome));
        done(null, outcome);
      }, 1);
    },
  };
  return fake;
}

describe('The queue of log lines', () => {
  let clock: sinon.SinonFakeTimers;
  let fake: FakeSink;
  let queue: LineQueue;
  beforeEach(() => {
    clock = sinon.useFakeTimers();
    fake = createFakeSink();
    queue = new LineQueue({
      sink: fake.sink,
      limitBytes: 1_000,
      droppedLine: (count) => `dropped ${count}`,
    });
  });
  afterEach(() => {
    clock.restore();
  });

  const lines = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) => `line ${String(from + i).padStart(4, '0')}`);
  const writeAll = (all: readonly string[]): void => {
    for (const line of all) queue.write(line);
  };

  it('writes lines in order, many at a time', () => {
    writeAll(lines(0, 50));
    clock.tick(100);
    assert.equal(fake.text(), `${lines(0, 50).join('\n')}\n`);
    assert.ok(fake.calls <= 2);
  });

  it('goes on in the middle of a line where the sink took a part', () => {
    fake.take = (length) => Math.min(length, 7);
    writeAll(lines(0, 20));
    clock.tick(10_000);
    assert.equal(fake.text(), `${lines(0, 20).join('\n')}\n`);
  });

  for (const fault of ['EAGAIN', 'EPIPE', 'ENOSPC', 'EIO', 'EBADF']) {
    it(`drops and counts what has no room during ${fault}, and tells it in its place`, () => {
      fake.take = () => fault;
      writeAll(lines(0, 500));
      clock.tick(60_000);
      assert.equal(fake.text(), '');
      assert.equal(queue.droppedLines, 400);
      fake.take = (length) => length;
      clock.tick(2_000);
      writeAll(lines(500, 510));
      clock.tick(2_000);
      const expected = [...lines(0, 100), 'dropped 400', ...lines(500, 510)];
      assert.equal(fake.text(), `${expected.join('\n')}\n`);
      assert.equal(queue.droppedLines, 400);
    });
  }

  it('tries a sink that stands still about once a second, not in a loop', () => {
    fake.take = () => 'EAGAIN';
    writeAll(lines(0, 10));
    clock.tick(60_000);
    assert.ok(fake.calls < 75, `${fake.calls} tries in a minute`);
    fake.take = () => 0;
    fake.calls = 0;
    clock.tick(60_000);
    assert.ok(fake.calls < 75, `${fake.calls} tries in a minute`);
  });

  it('tells what was dropped although no line comes afterwards', () => {
    fake.take = () => 'ENOSPC';
    writeAll(lines(0, 101));
    fake.take = (length) => length;
    clock.tick(2_000);
    assert.match(fake.text(), /line 0099\ndropped 1\n$/);
  });

  it('drops a line that is larger than its room, and takes the next', () => {
    queue.write('x'.repeat(2_000));
    queue.write('small');
    clock.tick(100);
    queue.write('later');
    clock.tick(100);
    assert.equal(queue.droppedLines, 1);
    assert.equal(fake.text(), 'dropped 1\nsmall\nlater\n');
  });

  it('flushes what waits', async () => {
    writeAll(lines(0, 50));
    const flushed = queue.flush(500);
    await clock.tickAsync(10);
    await flushed;
    assert.equal(fake.text().split('\n').length, 51);
  });

  it('gives a flush up in time', async () => {
    fake.take = () => 'EAGAIN';
    writeAll(lines(0, 50));
    let done = false;
    void queue.flush(500).then(() => (done = true));
    await clock.tickAsync(499);
    assert.ok(!done);
    await clock.tickAsync(1);
    assert.ok(done);
  });

  it('has nothing to flush where nothing waits', async () => {
    await queue.flush(500);
  });
});
