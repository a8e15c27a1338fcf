import assert from 'node:assert/strict';
import { Suspects, type Request } from '../../../../agent/adapters/mqtt/suspects.js';
import { ManualTime } from '../../../../simulator/ports/manual-time.js';

/** A broker that ends the session at some requests, before a device that wants to make all of its own. */
class Trouble {
  readonly time = new ManualTime(0);
  readonly suspects: Suspects;
  readonly found: { session: number; request: Request }[] = [];
  readonly wanted: readonly Request[];
  readonly isFatal: (request: Request) => boolean;
  sessions = 0;
  wasSteady = true;
  released = 0;

  constructor(wanted: readonly Request[], isFatal: (request: Request) => boolean) {
    this.wanted = wanted;
    this.isFatal = isFatal;
    this.suspects = new Suspects(this.time.createScheduler(), () => this.released++);
  }

  /** One session: all that may be made is made, then the broker answers in order, up to a fatal one. */
  session(): Request[] {
    this.sessions++;
    const answered: Request[] = [];
    const waiting = new Set(this.wanted);
    for (;;) {
      const made: Request[] = [];
      for (const request of waiting) {
        if (this.suspects.leaveFor(request) !== 'go') continue;
        this.suspects.made(request);
        waiting.delete(request);
        made.push(request);
      }
      if (made.length === 0) return answered;
      for (const request of made) {
        if (this.isFatal(request)) {
          const { condemned } = this.suspects.sessionEnded({
            isTelling: true,
            wasSteady: this.wasSteady,
          });
          if (condemned !== undefined)
            this.found.push({ session: this.sessions, request: condemned });
          return answered;
        }
        this.suspects.answered(request);
        answered.push(request);
      }
    }
  }
}

const wanted: readonly Request[] = [
  'subscribe policies/x',
  'subscribe sensors/x',
  'publish state',
  'publish events',
  'publish results',
];

describe('Suspects', () => {
  for (const culprit of wanted) {
    it(`find ${culprit} in three sessions, and let all others pass in the fourth`, () => {
      const trouble = new Trouble(wanted, (request) => request === culprit);
      for (let i = 0; i < 3; i++) trouble.session();
      assert.deepEqual(trouble.found, [{ session: 3, request: culprit }]);
      const others = wanted.filter((each) => each !== culprit);
      assert.deepEqual(trouble.session(), others);
      assert.equal(trouble.suspects.leaveFor(culprit), 'held');
    });
  }

  it('find several, two sessions for each', () => {
    const trouble = new Trouble(wanted, (request) => request.startsWith('publish '));
    for (let i = 0; i < 7; i++) trouble.session();
    assert.deepEqual(
      trouble.found.map(({ request }) => request),
      ['publish state', 'publish events', 'publish results'],
    );
    assert.deepEqual(trouble.session(), ['subscribe policies/x', 'subscribe sensors/x']);
  });

  it('try again after a minute, then ever more rarely, up to a quarter of an hour, and forgive at once', async () => {
    let isFatal = true;
    const culprit = 'publish results';
    const trouble = new Trouble(wanted, (request) => isFatal && request === culprit);
    for (let i = 0; i < 3; i++) trouble.session();
    for (const minutes of [1, 2, 4, 8, 15, 15]) {
      const before = trouble.released;
      await trouble.time.advance(minutes * 60_000 - 1);
      assert.equal(trouble.suspects.leaveFor(culprit), 'held');
      await trouble.time.advance(1);
      assert.equal(trouble.released, before + 1);
      trouble.session();
      assert.equal(trouble.suspects.leaveFor(culprit), 'held', `after ${minutes} minutes`);
    }
    isFatal = false;
    await trouble.time.advance(15 * 60_000);
    assert.ok(trouble.session().includes(culprit));
    assert.deepEqual(trouble.session(), wanted);
  });

  it('try again after a minute, however often, where all sessions are short: the link may be to blame', async () => {
    const culprit = 'publish results';
    const trouble = new Trouble(wanted, (request) => request === culprit);
    trouble.wasSteady = false;
    for (let i = 0; i < 3; i++) trouble.session();
    for (let i = 0; i < 5; i++) {
      assert.equal(trouble.suspects.leaveFor(culprit), 'held');
      await trouble.time.advance(60_000);
      assert.equal(trouble.suspects.leaveFor(culprit), 'go');
      trouble.session();
    }
  });

  it('condemn nothing where sessions end by themselves now and then', () => {
    const trouble = new Trouble(wanted, () => false);
    for (let i = 0; i < 20; i++) {
      for (const request of wanted) {
        if (trouble.suspects.leaveFor(request) === 'go') trouble.suspects.made(request);
      }
      assert.equal(
        trouble.suspects.sessionEnded({ isTelling: true, wasSteady: true }).condemned,
        undefined,
      );
      assert.equal(trouble.session().length, wanted.length);
    }
  });

  it('learn nothing from an end that has nothing to do with a topic', () => {
    const { suspects } = new Trouble([], () => false);
    for (let i = 0; i < 5; i++) {
      suspects.made('publish a');
      assert.deepEqual(suspects.sessionEnded({ isTelling: false, wasSteady: true }), {
        probed: false,
        condemned: undefined,
      });
      assert.equal(suspects.leaveFor('publish a'), 'go');
    }
  });

  it('remember a bounded number of requests', () => {
    const { suspects } = new Trouble([], () => false);
    for (let i = 0; i < 300; i++) suspects.made(`subscribe blocks/${i}`);
    suspects.sessionEnded({ isTelling: true, wasSteady: true });
    suspects.made('publish a');
    assert.equal(suspects.leaveFor('subscribe blocks/0'), 'go');
    assert.equal(suspects.leaveFor('subscribe blocks/299'), 'wait');
  });
});
