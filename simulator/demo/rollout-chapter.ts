import { toHex } from '../../protocol/bytes.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import { createSystemClock } from '../../agent/adapters/system-clock.js';
import { publishContent } from '../../operator/publish/publish-release.js';
import type { PublishTools } from '../../operator/publish/publish-tools.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { describeStep } from '../../operator/rollout/controller.js';
import { exposuresOf } from '../../operator/rollout/exposures.js';
import { TransientKeyring } from '../../operator/rollout/keyring.js';
import type { RequestBox } from '../../operator/rollout/requests.js';
import {
  begun,
  defaultPlanTerms,
  type Rollout,
  type RolloutPlan,
  type RolloutRelease,
} from '../../operator/rollout/rollout.js';
import type { RolloutStore } from '../../operator/rollout/rollout-store.js';
import { runRollout } from '../../operator/rollout/run-rollout.js';
import type { VerdictRecord } from '../../operator/rollout/verdict-record.js';
import type { FleetFeed } from './fleet-feed.js';
import type { Narrator } from './narrator.js';

/** What it takes to roll a release out before the eyes of an audience. */
export interface RolloutChapter {
  readonly slot: string;
  readonly devices: readonly string[];
  readonly store: RolloutStore;
  readonly requests: RequestBox;
  readonly publish: Omit<PublishTools, 'progress' | 'wallMs'>;
  readonly scheduler: Scheduler;
  readonly feed: FleetFeed;
  readonly narrator: Narrator;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** How often devices of the demo report, in milliseconds. */
const reportMs = 1_000;

/**
 * The rule of any owner: less than two more wrong answers per 100 windows are safe, more than one are harm. Only its times are
 * for an audience that waits: neighbouring windows of these signals have nothing to do with each other, so that blocks may be short.
 */
export const demoPlan: RolloutPlan = {
  shadow: { windows: 40, budgetPermille: 500 },
  terms: { ...defaultPlanTerms, blockWindows: 5 },
  exposures: [2_500, 5_000, 10_000],
  turnWindows: 0,
  bakeMs: 0,
  holdout: 0,
  trial: { soakMs: 0, inferences: 2 },
  reportMs,
  stepSoakMs: 1_500,
  horizonMs: 300_000,
};

/** Compares a release with the champion on live windows, and rolls it out step by step, or does not. */
export async function rollOut(
  champion: ReleaseFile,
  challenger: ReleaseFile,
  chapter: RolloutChapter,
): Promise<Rollout> {
  const { slot, devices, store, requests, publish, narrator, now, signal } = chapter;
  const progress = (message: string): void => {
    narrator.progress(`publishing ${message}`);
  };
  signal.throwIfAborted();
  const referTo = ({ envelope, manifest: { sequence } }: ReleaseFile): RolloutRelease => {
    return { sequence, manifest: toHex(publish.crypto.sha256(envelope)) };
  };
  await publishContent(challenger, { ...publish, wallMs: now(), progress });
  const salt = toHex(publish.randomBytes(8));
  const clock = createSystemClock();
  const beginning: Rollout = {
    slot,
    champion: referTo(champion),
    challenger: referTo(challenger),
    salt,
    plan: demoPlan,
    exposures: exposuresOf(demoPlan.exposures, salt, devices),
    roster: devices.map((deviceId) => ({ deviceId, stratum: undefined })),
    ...begun,
    startedMs: now(),
  };
  return runRollout(beginning, {
    publish: { ...publish, progress },
    store,
    requests,
    keyring: new TransientKeyring(),
    scheduler: chapter.scheduler,
    now,
    monotonicMs: () => clock.monotonicMs(),
    listen: (listener) => chapter.feed.listen(listener),
    enrolled: () => beginning.roster,
    hear: () => undefined,
    decided: (rollout, verdict) => {
      const { judgement, action } = verdict;
      narrator.line(`${judgement.verdict}: ${claimOf(rollout, verdict)}`);
      narrator.line(`   ${action}: ${describeStep(rollout)}`);
      narrator.verdict(rollout, verdict);
    },
    progress: (rollout) => {
      narrator.look(rollout);
      const { look } = rollout;
      const rounds = look === undefined ? '' : `: ${look.rounds} rounds`;
      narrator.progress(`${describeStep(rollout)}${rounds}`);
    },
    signal,
  });
}

/** What a verdict claims, in one short line; its record has the whole sentence. */
function claimOf(
  { challenger, champion, plan }: Rollout,
  { judgement, evidence }: Pick<VerdictRecord, 'judgement' | 'evidence'>,
): string {
  const { verdict, lower, named } = judgement;
  const { safe, harm } = plan.terms;
  const release = `release ${challenger.sequence} gives`;
  if (verdict === 'harm') {
    return `${release} at least ${(100 * lower).toFixed(1)} more wrong answers per 100 windows; more than ${100 * harm} is harm`;
  }
  const others = evidence.devices.length - named.length;
  const stays =
    named.length === 0
      ? ''
      : `; ${named.map(({ id }) => id).join(', ')} is worse off and stays on release ${champion.sequence}`;
  return `${release} less than ${100 * safe} more wrong answers per 100 windows on ${others} devices, certain to 95 %${stays}`;
}
