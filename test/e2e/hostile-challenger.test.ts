import assert from 'node:assert/strict';
import process from 'node:process';
import type { Code } from '../../agent/core/codes.js';
import type { ReleaseFile } from '../../operator/release/release-file.js';
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

/** What a challenger does after its first window, how long it may take for one, and the code with which it ends. */
const rows: readonly (readonly [hostility: Hostility, deadlineMs: number, code: Code])[] = [
  // First, so that what would go on taking memory has the time of all others for it.
  ['grows', 150, 'deadlines-missed'],
  ['traps', 1_000, 'engine-trapped'],
  ['leaks', 1_000, 'engine-internal'],
  ['kills', 10_000, 'engine-gone'],
  ['loops', 150, 'deadlines-missed'],
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
    deadlineMs: number,
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

  for (const [hostility, deadlineMs, code] of rows) {
    it(`in the shadow that ${hostility} ends with ${code}, unnoticed by whom the champion answers`, async () => {
      const from = stream.last;
      const story = await endOf(hostility, deadlineMs, (release) =>
        site.compare(first, release, { windows: 10_000, budgetPermille: 1000 }),
      );
      assert.ok(story.includes('shadow'));
      assert.deepEqual(story.slice(-2), [`rejected ${code}`, notAgain]);
      assert.deepEqual(answerersFrom(from), [champion]);
    });

    it(`on trial that ${hostility} is rolled back, and the champion answers in its place`, async () => {
      const from = stream.last;
      const story = await endOf(hostility, deadlineMs, (release) =>
        site.publish(release, undefined, { soakMs: 0, inferences: 10_000 }),
      );
      assert.ok(story.includes('trial'));
      const [end = '', ...rest] = story.slice(-2);
      // Where windows wait for one that dies slowly, it is cut short before that.
      const codes = hostility === 'kills' ? [code, 'deadlines-missed'] : [code];
      assert.ok(codes.includes(end.replace('rolled-back ', '')), end);
      assert.deepEqual(rest, [notAgain]);
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

  /** The releases that have answered since a window, in turn. */
  function answerersFrom(window: number): readonly number[] {
    const answerers = onlooker.results.entries
      .filter((each) => each.window > window)
      .map((each) => each.sequence);
    return answerers.filter((each, i) => each !== answerers[i - 1]);
  }
});
