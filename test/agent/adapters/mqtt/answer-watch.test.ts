import assert from 'node:assert/strict';
import { AnswerWatch } from '../../../../agent/adapters/mqtt/answer-watch.js';

/** A watch over a line on which a test says what happens; seconds pass when it wants. */
class Line {
  pings = 0;
  readonly expired: string[] = [];
  readonly watch: AnswerWatch;

  constructor(keepaliveS = 30) {
    this.watch = new AnswerWatch(keepaliveS, {
      ping: () => {
        this.pings++;
        this.watch.sent();
      },
      expired: ({ code }) => this.expired.push(code),
    });
  }

  /** Seconds pass; `each` happens in every one. The second in which the watch gave up, if it did. */
  pass(seconds: number, each: (second: number) => void = () => undefined): number | undefined {
    for (let second = 1; second <= seconds; second++) {
      each(second);
      this.watch.tick();
      if (this.expired.length > 0) return second;
    }
    return undefined;
  }

  /** A broker that answers pings at once, and nothing else. */
  readonly answerPings = (): void => {
    while (this.pings > 0) {
      this.pings--;
      this.watch.received(2);
      this.watch.pingAnswered();
    }
  };
}

describe('AnswerWatch', () => {
  it('keeps a session in which nothing happens alive, with a ping twice in each keepalive', () => {
    const line = new Line(30);
    let pings = 0;
    line.pass(300, () => {
      pings += line.pings;
      line.answerPings();
    });
    assert.deepEqual([line.expired, pings], [[], 19]);
  });

  it('gives up a line on which nothing comes any more within 45 s', () => {
    const line = new Line();
    assert.ok((line.pass(100) ?? Infinity) <= 46);
    assert.deepEqual(line.expired, ['session-ended']);
  });

  it('gives up a line on which this side sends and nothing comes', () => {
    const line = new Line();
    const second = line.pass(100, () => {
      line.watch.sent();
      line.watch.asked('message', 100);
    });
    assert.ok((second ?? Infinity) <= 50, String(second));
    assert.deepEqual(line.expired, ['session-ended']);
  });

  it('says within 20 s that an answer is withheld, also while messages come every second', () => {
    for (const bytes of [0, 100, 5_000]) {
      const line = new Line();
      line.watch.asked('the subscription of news', 20);
      const second = line.pass(100, () => {
        line.answerPings();
        if (bytes > 0) line.watch.received(bytes);
      });
      assert.ok((second ?? Infinity) <= 20, `${bytes}: ${second}`);
      assert.deepEqual(line.expired, ['session-unanswered']);
    }
  });

  it('gives up a broker that sends messages and answers neither pings nor anything else', () => {
    const line = new Line();
    line.watch.asked('message', 20);
    const second = line.pass(200, () => {
      line.watch.received(100);
    });
    assert.ok((second ?? Infinity) <= 60, String(second));
    assert.deepEqual(line.expired, ['session-ended']);
  });

  it('waits for answers behind four blocks of 64 KiB on a link of 2 kB/s', () => {
    const line = new Line();
    const answered = line.watch.asked('the subscription of the next block', 100);
    const queueS = (4 * 65_536) / 2_000;
    let pings = 0;
    const second = line.pass(200, (now) => {
      if (now < queueS) {
        line.watch.received(2_000);
        return;
      }
      answered();
      for (pings = line.pings, line.pings = 0; pings > 0; pings--) line.watch.pingAnswered();
    });
    assert.equal(second, undefined);
  });

  it('waits for the answer to a message of 64 KiB on its way out at 2 kB/s', () => {
    const line = new Line();
    const answered = line.watch.asked('message', 65_536);
    assert.equal(
      line.pass(100, (now) => {
        if (now < 33) return;
        answered();
        line.answerPings();
      }),
      undefined,
    );
  });

  it('takes no notice of a slow answer as long as no later ping is answered', () => {
    const line = new Line();
    const answered = line.watch.asked('message', 10);
    line.pass(25);
    answered();
    line.answerPings();
    assert.equal(line.pass(60, line.answerPings), undefined);
  });
});
