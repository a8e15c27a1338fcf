import assert from 'node:assert/strict';
import process from 'node:process';
import type { Code } from '../../protocol/codes.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { startHostileAgent, type AgentProcess } from '../helpers/agent-process.js';
import type { Hostility } from '../helpers/hostile-core.js';
import { buildHostileRelease } from '../helpers/hostile-release.js';
import type { Onlooker } from '../helpers/onlooker.js';
import { peakResidentBytes } from '../helpers/resident-memory.js';
import { requires } from '../helpers/requires.js';
import { Site } from '../helpers/site.js';
import { WindowStream } from '../helpers/window-stream.js';

const champion = 1;

const periodMs = 200;

/** Far more than the slot allows for a window: a release cannot take the champion's time by asking for it. */
const deadlineMs = 10_000;

/** What a challenger does after its first window, and the codes with which it may end. */
const rows: readonly (readonly [hostility: Hostility, ...codes: Code[]])[] = [
  // First, so that what would go on taking memory has the time of all others for it.
  ['grows', 'deadlines-missed'],
  ['traps', 'engine-trapped'],
  ['leaks', 'engine-internal'],
  // V8 takes its time to end a thread without memory: a deadline may come first, again and again.
  ['kills', 'engine-gone', 'deadlines-missed'],
  ['loops', 'deadlines-missed'],
];

/** How the same release ends that is named once more. */
const notAgain = 'rejected release-rejected-before';

describe('A hostile challenger', () => {
  let site: Site;
  let onlooker: Onlooker;
  let agent: AgentProcess;
  let stream: WindowStream;
  let first: ReleaseFile;
  let sequence = champion;

  before(async function () {
    requires(this, 'mosquitto');
    site = await Site.open();
    site.configure({ periodMs });
    onlooker = await site.watch();
    agent = startHostileAgent(site.configFile);
    first = site.release('vibration-v1', champion);
    await site.publish(first);
    stream = await WindowStream.begin(site, onlooker, periodMs);
    await onlooker.events.find(({ event }) => event === 'committed');
  });

  after(async () => {
    await stream?.end();
    await agent?.end();
    await onlooker?.leave();
    await site?.close();
  });

  /** Brings in the next release, and waits until the device reports how it ended; gives the codes of its phases. */
  async function endOf(
    hostility: Hostility,
    bringIn: (release: ReleaseFile) => Promise<void>,
  ): Promise<readonly string[]> {
    const honest = site.release('vibration-v2', ++sequence);
    const release = await buildHostileRelease(honest, hostility, deadlineMs, site.keys.key);
    await stream.answered(1);
    const [from, states] = [onlooker.events.length, onlooker.states.length];
    await bringIn(release);
    const isEnd = ({ event }: { event: string }): boolean => /^(rejected|rolled-back)$/.test(event);
    const { code, event } = await onlooker.events.find(isEnd, from);
    const { slots } = await onlooker.states.find(
      (each) => each.slots[site.slot]?.phase === event,
      states,
    );
    assert.deepEqual(
      { ...slots[site.slot], reason: undefined, remedy: undefined },
      {
        current: champion,
        release: sequence,
        phase: event,
        code,
        reason: undefined,
        remedy: undefined,
      },
    );
    const again = onlooker.events.length;
    await bringIn(release);
    const refused = await onlooker.events.find(isEnd, again);
    assert.deepEqual([refused.event, refused.code], ['rejected', 'release-rejected-before']);
    await stream.answered(1);
    return onlooker.events.entries
      .slice(from)
      .filter((each) => each.release === sequence)
      .map((each) => [each.event, ...(each.code === undefined ? [] : [each.code])].join(' '));
  }

  for (const [hostility, ...codes] of rows) {
    const ends = codes.join(' or ');
    it(`in the shadow that ${hostility} ends with ${ends}, unnoticed by whom the champion answers`, async () => {
      const from = stream.last;
      const story = await endOf(hostility, (release) =>
        site.compare(first, release, { windows: 10_000, budgetPermille: 1000 }),
      );
      assert.ok(story.includes('shadow'));
      assertEnded(story, 'rejected', codes);
      assert.deepEqual(answerersFrom(from), [champion]);
    });

    it(`on trial that ${hostility} is rolled back with ${ends}, and the champion answers in its place`, async () => {
      const from = stream.last;
      const story = await endOf(hostility, (release) =>
        site.publish(release, undefined, { soakMs: 0, inferences: 10_000 }),
      );
      assert.ok(story.includes('trial'));
      assertEnded(story, 'rolled-back', codes);
      assert.deepEqual(answerersFrom(from), [champion, sequence, champion]);
    });
  }

  it('has cost no answer, and not the agent', async () => {
    assert.equal(await stream.end(), 0);
    const { entries } = onlooker.results;
    assert.deepEqual(
      entries.map(({ window }) => window),
      entries.map((_, i) => i + 1),
    );
    assert.equal(entries.length, stream.last);
    assert.ok(onlooker.events.entries.every(({ event }) => event !== 'window-dropped'));
    // Models that take memory without end would have taken the gibibyte that the core can have.
    if (process.platform === 'linux') assert.ok(peakResidentBytes(agent.pid) < 536_870_912);
    assert.equal(agent.complaints(), '');
    assert.equal(await agent.end(), 0);
  });

  /** A release was ended so with one of the codes, and not tried again. */
  function assertEnded(story: readonly string[], how: string, codes: readonly Code[]): void {
    const [end = '', again] = story.slice(-2);
    assert.ok(codes.map((code) => `${how} ${code}`).includes(end), end);
    assert.equal(again, notAgain);
  }

  /** The releases that have answered since a window, in turn. */
  function answerersFrom(window: number): readonly number[] {
    const answerers = onlooker.results.entries
      .filter((each) => each.window > window)
      .map((each) => each.sequence);
    return answerers.filter((each, i) => each !== answerers[i - 1]);
  }
});
