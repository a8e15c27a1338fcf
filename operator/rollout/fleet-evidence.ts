import { experimentName, isExposed } from '../../protocol/assignment/bucket.js';
import { fromHex } from '../../protocol/bytes.js';
import type { ReleaseReport, ReportMessage } from '../../protocol/messages/report.js';
import type { DeviceEvent, ReportedSlot } from '../fleet/device-messages.js';
import {
  addPunctuality,
  never,
  type ComparedPunctuality,
  type Punctuality,
} from './punctuality.js';
import { shadowStep, type Rollout, type Step } from './rollout.js';

/** What tells reports of one device apart; it rises. */
type ReportKey = Pick<ReportMessage, 'boot' | 'window'>;

/** What one device has shown of a challenger so far. Plain data: it is kept with the rollout. */
export interface DeviceEvidence {
  /** Windows that champion and challenger have both answered, and those with the same answer. */
  readonly windows: number;
  readonly agreements: number;
  /** Windows with a true label that both have answered, and who of them was right. */
  readonly labelled: number;
  readonly bothRight: number;
  readonly onlyChampionRight: number;
  readonly onlyChallengerRight: number;
  /** The challenger's answers by class and by tenths of the score. */
  readonly classes: readonly number[];
  readonly confidence: readonly number[];
  /** How often each of them was late, over the same reports. */
  readonly punctuality: ComparedPunctuality;
  /** The first report of the challenger's service in the ramp: its burn-in. */
  readonly servedFrom: ReportKey | undefined;
  /** The latest report of a late answer that was waited for, and the step of the ramp that it came in. */
  readonly late: (ReportKey & { readonly step: Step }) | undefined;
  /** The release that is committed there, by the device's own word. */
  readonly current: number | undefined;
  /** Why the device gave the challenger up by itself. */
  readonly failure: string | undefined;
  /** The reports that are counted, as `boot/window`: one that comes again changes nothing. */
  readonly reports: readonly string[];
}

const nothing: DeviceEvidence = {
  windows: 0,
  agreements: 0,
  labelled: 0,
  bothRight: 0,
  onlyChampionRight: 0,
  onlyChallengerRight: 0,
  classes: [],
  confidence: [],
  punctuality: { champion: never, challenger: never },
  servedFrom: undefined,
  late: undefined,
  current: undefined,
  failure: undefined,
  reports: [],
};

const noPair = { bothRight: 0, onlyChampionRight: 0, onlyChallengerRight: 0, noneRight: 0 };

/** What says nothing about the challenger: the operator wanted something else. */
const innocent: ReadonlySet<string> = new Set(['offer-withdrawn']);

export function evidenceOf({ evidence }: Rollout, deviceId: string): DeviceEvidence {
  // `constructor` is a device id as well.
  return Object.hasOwn(evidence, deviceId) ? (evidence[deviceId] ?? nothing) : nothing;
}

/** The rollout after counts of a device, or all since the start of the device where `isWhole`. */
export function withReport(
  rollout: Rollout,
  deviceId: string,
  report: ReportMessage,
  isWhole = false,
): Rollout {
  if (report.slot !== rollout.slot) return rollout;
  const known = evidenceOf(rollout, deviceId);
  // An earlier run of the controller has counted some of it, and nobody knows how much.
  if (isWhole && known.reports.some((key) => key.startsWith(`${report.boot}/`))) return rollout;
  const after = withService(rollout, deviceId, withComparison(rollout, known, report), report);
  return after === known ? rollout : withDevice(rollout, deviceId, after);
}

/** What champion and challenger did with the same windows. */
function withComparison(
  rollout: Rollout,
  known: DeviceEvidence,
  report: ReportMessage,
): DeviceEvidence {
  const key = `${report.boot}/${report.window}`;
  if (known.reports.includes(key)) return known;
  // One observation for each device, at an age that was declared: what comes later does not change it.
  if (hasCompared(rollout, known)) return known;
  const { champion, challenger } = rollout;
  const pair = report.pairs.find(
    (each) => each.champion === champion.sequence && each.challenger === challenger.sequence,
  );
  const shadow = findRelease(report, challenger.sequence, 'shadow');
  const served = findRelease(report, champion.sequence, 'served');
  // A challenger that is always late is never compared.
  const late = served !== undefined && shadow !== undefined && shadow.late > 0;
  if (pair === undefined && !late) return known;
  const { bothRight, onlyChampionRight, onlyChallengerRight, noneRight } = pair ?? noPair;
  return {
    ...known,
    windows: known.windows + (pair?.windows ?? 0),
    agreements: known.agreements + (pair?.agreements ?? 0),
    labelled: known.labelled + bothRight + onlyChampionRight + onlyChallengerRight + noneRight,
    bothRight: known.bothRight + bothRight,
    onlyChampionRight: known.onlyChampionRight + onlyChampionRight,
    onlyChallengerRight: known.onlyChallengerRight + onlyChallengerRight,
    classes: addCounts(known.classes, shadow?.classes ?? []),
    confidence: addCounts(known.confidence, shadow?.confidence ?? []),
    punctuality: {
      champion: addPunctuality(known.punctuality.champion, punctualityOf(served)),
      challenger: addPunctuality(known.punctuality.challenger, punctualityOf(shadow)),
    },
    reports: [...known.reports, key],
  };
}

/**
 * Whether an answer that somebody waited for was late in this step of the ramp: on a device that is exposed
 * one of the challenger's, on the others one of the champion's. One observation for each device and step.
 */
function withService(
  rollout: Rollout,
  deviceId: string,
  known: DeviceEvidence,
  report: ReportMessage,
): DeviceEvidence {
  const { step, challenger, champion } = rollout;
  if (step === shadowStep) return known;
  const { boot, window } = report;
  const exposed = isInRamp(rollout, deviceId);
  const served = findRelease(report, (exposed ? challenger : champion).sequence, 'served');
  if (served === undefined) return known;
  if (exposed && known.servedFrom === undefined) {
    // What the first report says is burn-in: the others have activated nothing.
    return { ...known, servedFrom: { boot, window } };
  }
  // What comes again was counted in its step, or was burn-in.
  const news = [known.servedFrom, known.late].every((seen) => !seen || isLaterReport(report, seen));
  return served.late > 0 && news ? { ...known, late: { step, boot, window } } : known;
}

/** Whether the lots of a device put it among those that the challenger serves in the present step. */
export function isInRamp({ salt, plan, step }: Rollout, deviceId: string): boolean {
  return isExposed(experimentName(fromHex(salt)), deviceId, plan.exposures[step] ?? 0);
}

function findRelease(
  { releases }: ReportMessage,
  sequence: number,
  mode: ReleaseReport['mode'],
): ReleaseReport | undefined {
  return releases.find((each) => each.release === sequence && each.mode === mode);
}

/** A window that was not answered in time is none of those that were answered. */
function punctualityOf(report: ReleaseReport | undefined): Punctuality {
  return report === undefined
    ? never
    : { windows: report.windows + report.late, late: report.late };
}

function isLaterReport(a: ReportKey, b: ReportKey): boolean {
  return a.boot > b.boot || (a.boot === b.boot && a.window > b.window);
}

/** Whether a device has seen as much of the challenger as the plan asks for. */
export function hasCompared(
  { plan }: Rollout,
  { windows, labelled }: Pick<DeviceEvidence, 'windows' | 'labelled'>,
): boolean {
  return plan.evidence === 'labels'
    ? labelled >= plan.labelledWindows
    : windows >= plan.shadow.windows;
}

function addCounts(a: readonly number[], b: readonly number[]): readonly number[] {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  return long.map((count, i) => count + (short[i] ?? 0));
}

/** The rollout after a device has said what it runs. */
export function withState(rollout: Rollout, deviceId: string, state: ReportedSlot): Rollout {
  const known = evidenceOf(rollout, deviceId);
  // Events are not retained, and the state is: it tells what happened while nobody listened.
  const failure = known.failure ?? failureOf(rollout, state.phase, state);
  if (known.current === state.current && known.failure === failure) return rollout;
  return withDevice(rollout, deviceId, { ...known, current: state.current, failure });
}

/** The rollout after an event of a device. */
export function withEvent(rollout: Rollout, deviceId: string, event: DeviceEvent): Rollout {
  if (event.slot !== rollout.slot) return rollout;
  const known = evidenceOf(rollout, deviceId);
  const failure = known.failure ?? failureOf(rollout, event.event, event);
  return known.failure === failure ? rollout : withDevice(rollout, deviceId, { ...known, failure });
}

/** Why a device gave the challenger up; undefined where it did not, or was told to. */
function failureOf(
  { challenger }: Rollout,
  phase: string | undefined,
  { release, code }: Pick<DeviceEvent, 'release' | 'code'>,
): string | undefined {
  if (release !== challenger.sequence) return undefined;
  if (phase !== 'rejected' && phase !== 'rolled-back') return undefined;
  return code === undefined || innocent.has(code) ? undefined : code;
}

function withDevice(rollout: Rollout, deviceId: string, evidence: DeviceEvidence): Rollout {
  return { ...rollout, evidence: { ...rollout.evidence, [deviceId]: evidence } };
}
