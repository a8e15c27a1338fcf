import { createSystemClock } from '../../agent/adapters/system-clock.js';
import type { Rejection } from '../../protocol/result.js';
import { answerWants, type Supplies } from '../../operator/publish/answer-wants.js';
import { readManifests } from '../../operator/publish/standing.js';
import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { CodedError } from '../../protocol/coded-error.js';
import { openKeyFolder } from '../../operator/keys/key-folder.js';
import type { PublishTools } from '../../operator/publish/publish-tools.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { parseReleaseFile } from '../../operator/release/release-file.js';
import { readKeyset, verifyRelease } from '../../operator/release/verify-release.js';
import { beginRollout, resumeRollout } from '../../operator/rollout/begin-rollout.js';
import { lockRollout } from '../../operator/rollout/controller-lock.js';
import { openFleetEars } from '../../operator/rollout/fleet-ears.js';
import { RequestBox } from '../../operator/rollout/requests.js';
import { RolloutStore } from '../../operator/rollout/rollout-store.js';
import type { Rollout, RolloutDevice, RolloutPlan } from '../../operator/rollout/rollout.js';
import { runRollout } from '../../operator/rollout/run-rollout.js';
import type { Keyring } from '../../operator/rollout/keyring.js';
import { RosterKeyring } from '../../operator/roster/roster-keyring.js';
import { readRoster } from '../../operator/roster/roster.js';
import { brokerOptions, createBrokerTransport } from '../broker-options.js';
import type { Arguments, Command, Terminal } from '../command.js';
import { readNamedFile } from '../files.js';
import { openPublishTools, takeOverOption } from '../publish-tools.js';
import { planLines } from '../plan-text.js';
import {
  planOptions,
  readForecast,
  readPlan,
  readSlot,
  rolloutOptions,
} from '../rollout-options.js';
import { progressLine, verdictLine } from '../rollout-text.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';
import { tryFolderLock } from '../../operator/adapters/folder-lock.js';

/** Time for a DISCONNECT. */
const goodbyeMs = 2_000;

/** `tinylamp rollout start`: the controller, in the foreground. */
export const rolloutStartCommand: Command = {
  words: 'rollout start',
  summary: 'Roll a release out step by step, or go on with the rollout of a slot.',
  positionals: [
    { name: 'file', describe: 'The release file; none to go on with a rollout.', optional: true },
  ],
  options: { ...rolloutOptions, ...brokerOptions, ...takeOverOption, ...planOptions },
  examples: [
    [
      '$0 rollout start v2.tinylamp --slot vibration --broker mqtt://localhost --keys keys',
      'shadow, 10, 25, 50, 100 % of the fleet, promotion',
    ],
    [
      '$0 rollout start --slot vibration --broker mqtt://localhost --keys keys',
      'goes on after Ctrl-C',
    ],
  ],
  async run(given, terminal) {
    const slot = readSlot(given);
    const plan = readPlan(given);
    const folder = given.requiredText('keys');
    const release = readRelease(given, slot);
    const files = createDiskFiles();
    const store = new RolloutStore(files, folder);
    const unlock = await lockRollout(tryFolderLock, store, slot);
    const scheduler = createCronScheduler();
    try {
      const tools = await openPublishTools(given, terminal, scheduler);
      try {
        const requests = new RequestBox(files, folder, slot);
        const rollout =
          release === undefined
            ? await resumeRollout(slot, store, tools)
            : await begin(release, plan, { given, terminal, tools, store, requests });
        const supplies = {
          releases: release === undefined ? [] : [release],
          manifests: readManifests(tools),
        };
        const keyring = new RosterKeyring(files, folder);
        const control = { given, terminal, tools, store, requests, supplies, keyring };
        const ended = await controlRollout(rollout, control);
        return ended.status === 'promoted' ? 0 : 1;
      } finally {
        await tools.client.close();
      }
    } finally {
      await unlock();
    }
  },
};

/** Whoever rolls out what no device will take hears it here, not from the fleet. */
function readRelease(given: Arguments, slot: string): ReleaseFile | undefined {
  const { keyset } = openKeyFolder(createDiskFiles(), given.requiredText('keys'));
  const file = given.text('file');
  if (file === undefined) return undefined;
  const crypto = createNodeCrypto();
  const release = parseReleaseFile(readNamedFile(file), crypto);
  verifyRelease(release, readKeyset(keyset), crypto, Date.now());
  if (release.manifest.slot === slot) return release;
  throw new CodedError('usage-invalid', `${file} is a release of slot ${release.manifest.slot}`);
}

/** Says what the plan can show, and begins where it can. Throws `plan-contradictory`, `plan-unreachable` and what beginning does. */
async function begin(
  release: ReleaseFile,
  plan: RolloutPlan,
  { given, terminal, tools, store, requests }: Omit<Control, 'supplies' | 'keyring'>,
): Promise<Rollout> {
  const roster = readEnrolled(given);
  if (roster.length === 0) throw new CodedError('roster-empty', `for ${release.manifest.name}`);
  const forecast = readForecast(given, plan, roster.length);
  const [refusal] = forecast.refusals;
  if (refusal !== undefined) throw new CodedError(refusal.code, refusal.detail);
  if (!given.flag('json')) for (const line of planLines(forecast)) terminal.progress(line);
  const newClasses = given.flag('new-classes');
  return beginRollout({ release, plan, roster, store, requests, newClasses }, tools);
}

function readEnrolled(given: Arguments): readonly RolloutDevice[] {
  const stratumLabel = given.text('stratum');
  return readRoster(createDiskFiles(), given.requiredText('keys')).devices.map(
    ({ deviceId, labels }) => ({
      deviceId,
      stratum: stratumLabel === undefined ? undefined : labels[stratumLabel],
    }),
  );
}

interface Control {
  readonly given: Arguments;
  readonly terminal: Terminal;
  readonly tools: PublishTools;
  readonly store: RolloutStore;
  readonly requests: RequestBox;
  /** What is put back where devices miss it. */
  readonly supplies: Supplies;
  readonly keyring: Keyring;
}

/** Runs the controller until the rollout is over or the person ends it. */
async function controlRollout(
  rollout: Rollout,
  { given, terminal, tools, store, requests, supplies, keyring }: Control,
): Promise<Rollout> {
  const scheduler = createCronScheduler();
  const transport = createBrokerTransport(given, scheduler);
  const repairs = createBrokerTransport(given, scheduler);
  const told = { line: '' };
  const progress = (line: string): void => {
    if (line !== told.line) terminal.progress(line);
    told.line = line;
  };
  const ending = new AbortController();
  void terminal.interrupted.then(() => {
    ending.abort();
  });
  try {
    const { topics, crypto } = tools;
    const problem = ({ code, detail }: Rejection): void => {
      progress(`${code}: ${detail}`);
    };
    answerWants(repairs, supplies, {
      topics,
      crypto,
      clock: createSystemClock(),
      answered: (topic) => {
        progress(`put back ${topic}`);
      },
      problem,
    });
    const deviceIds = [...rollout.roster, ...rollout.enrolled].map(({ deviceId }) => deviceId);
    const listening = { deviceIds, slot: rollout.slot };
    const ears = await openFleetEars(transport, topics, listening, scheduler, problem);
    const clock = createSystemClock();
    return await runRollout(rollout, {
      publish: tools,
      store,
      requests,
      keyring,
      scheduler,
      now: Date.now,
      monotonicMs: () => clock.monotonicMs(),
      listen: (listener) => ears.listen(listener),
      enrolled: () => readEnrolled(given),
      hear: (added) => {
        ears.add(added);
      },
      decided: (now, verdict) => {
        const { slot, challenger, status } = now;
        if (given.flag('json')) {
          // The evidence is in its record: of a large fleet it is long.
          const { t, number, judgement, inputs, action } = verdict;
          const said = { t, number, judgement, inputs, action };
          terminal.printJson({ slot, release: challenger.sequence, status, ...said });
        } else terminal.print(verdictLine(verdict));
      },
      progress: (now) => {
        progress(progressLine(now));
      },
      signal: ending.signal,
    });
  } finally {
    await Promise.all([transport.close(goodbyeMs), repairs.close(goodbyeMs)]);
  }
}
