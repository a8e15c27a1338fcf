import { toHex } from '../../protocol/bytes.js';
import type { GateJudgement } from '../../protocol/statistics/gate.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import { publishContent } from '../../operator/publish/publish-release.js';
import type { PublishTools } from '../../operator/publish/publish-tools.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { describeStep } from '../../operator/rollout/controller.js';
import { RequestBox } from '../../operator/rollout/requests.js';
import {
  shadowStep,
  type Rollout,
  type RolloutPlan,
  type RolloutRelease,
} from '../../operator/rollout/rollout.js';
import { RolloutStore } from '../../operator/rollout/rollout-store.js';
import { runRollout } from '../../operator/rollout/run-rollout.js';
import { countInputs } from '../../operator/rollout/verdict.js';
import type { FleetFeed } from './fleet-feed.js';
import type { Narrator } from './narrator.js';

/** What it takes to roll a release out before the eyes of an audience. */
export interface RolloutChapter {
  readonly slot: string;
  readonly devices: readonly string[];
  readonly keyFolder: string;
  readonly publish: Omit<PublishTools, 'progress' | 'wallMs'>;
  readonly scheduler: Scheduler;
  readonly feed: FleetFeed;
  readonly narrator: Narrator;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/**
 * Small enough for an audience that waits, and still certain: over a hundred seeds the second model is worse on six
 * of 48 devices at most, and the third on twelve at least. Six are still safe by these margins, and nine are harm.
 */
export const demoPlan: RolloutPlan = {
  shadow: { windows: 40, budgetPermille: 500 },
  evidence: 'labels',
  labelledWindows: 36,
  exposures: [1_000, 3_000, 10_000],
  trial: { soakMs: 0, inferences: 2 },
  stepSoakMs: 1_500,
  horizonMs: 120_000,
  gate: { marginPermille: 60, harmPermille: 50, safePermille: 300, alphaPermille: 50 },
};

/** Compares a release with the champion on live windows, and rolls it out step by step, or does not. */
export async function rollOut(
  champion: ReleaseFile,
  challenger: ReleaseFile,
  chapter: RolloutChapter,
): Promise<Rollout> {
  const { slot, devices, keyFolder, publish, narrator, now, signal } = chapter;
  const progress = (message: string): void => {
    narrator.progress(`publishing ${message}`);
  };
  signal.throwIfAborted();
  const referTo = ({ envelope, manifest: { sequence } }: ReleaseFile): RolloutRelease => {
    return { sequence, manifest: toHex(publish.crypto.sha256(envelope)) };
  };
  await publishContent(challenger, { ...publish, wallMs: now(), progress });
  const begun: Rollout = {
    slot,
    champion: referTo(champion),
    challenger: referTo(challenger),
    reference: undefined,
    salt: toHex(publish.randomBytes(8)),
    plan: demoPlan,
    roster: devices,
    status: 'running',
    step: shadowStep,
    startedMs: now(),
    stepStartedMs: now(),
    evidence: {},
    verdicts: [],
  };
  return runRollout(begun, {
    publish: { ...publish, progress },
    store: new RolloutStore(keyFolder),
    requests: new RequestBox(keyFolder, slot),
    scheduler: chapter.scheduler,
    now,
    listen: (listener) => chapter.feed.listen(listener),
    decided: (rollout, { judgement, inputs, action }) => {
      narrator.line(
        `${judgement.verdict}: worse on ${inputs.harmed} of ${inputs.compared} devices, certainly ${boundOf(judgement)}`,
      );
      narrator.line(`   ${action}: ${describeStep(rollout)}`);
      narrator.verdict(rollout, action, judgement);
    },
    progress: (rollout) => {
      const { arrived, expected } = countInputs(rollout, now());
      narrator.progress(`${describeStep(rollout)}: ${arrived} of ${expected} devices`);
    },
    signal,
  });
}

/** What the same windows say of both releases, over all devices. */
export function compareReleases({ evidence }: Rollout): {
  readonly labelled: number;
  readonly championWrong: number;
  readonly challengerWrong: number;
} {
  const sum = { labelled: 0, championWrong: 0, challengerWrong: 0 };
  for (const { labelled, bothRight, onlyChampionRight, onlyChallengerRight } of Object.values(
    evidence,
  )) {
    sum.labelled += labelled;
    sum.championWrong += labelled - bothRight - onlyChampionRight;
    sum.challengerWrong += labelled - bothRight - onlyChallengerRight;
  }
  return sum;
}

/** What is certain about the share of harmed devices, beside what is allowed. */
function boundOf({ verdict, guardrails }: GateJudgement): string {
  const [harmed] = guardrails;
  if (harmed === undefined) return 'nothing';
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
  const { interval, margins } = harmed;
  return verdict === 'harm'
    ? `more than ${percent(interval.lower)} of the fleet; more than ${percent(margins.harm)} is harm`
    : `less than ${percent(interval.upper)} of the fleet; less than ${percent(margins.safe)} is safe`;
}
