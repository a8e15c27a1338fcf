import type { ReportMessage } from '../../agent/core/messages/report.js';
import type { DeviceEvent, ReportedSlot } from '../fleet/device-messages.js';
import type { Rollout } from './rollout.js';

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
  current: undefined,
  failure: undefined,
  reports: [],
};

/** What says nothing about the challenger: the operator wanted something else. */
const innocent: ReadonlySet<string> = new Set(['offer-withdrawn']);

export function evidenceOf({ evidence }: Rollout, deviceId: string): DeviceEvidence {
  // `constructor` is a device id as well.
  return Object.hasOwn(evidence, deviceId) ? (evidence[deviceId] ?? nothing) : nothing;
}

/** The rollout after a report of a device. */
export function withReport(rollout: Rollout, deviceId: string, report: ReportMessage): Rollout {
  const known = evidenceOf(rollout, deviceId);
  const key = `${report.boot}/${report.window}`;
  if (report.slot !== rollout.slot || known.reports.includes(key)) return rollout;
  // One observation for each device, at an age that was declared: what comes later does not change it.
  if (hasCompared(rollout, known)) return rollout;
  const shadow = report.releases.find(
    ({ release, mode }) => mode === 'shadow' && release === rollout.challenger.sequence,
  );
  const pair = report.pairs.find(
    ({ champion, challenger }) =>
      champion === rollout.champion.sequence && challenger === rollout.challenger.sequence,
  );
  if (pair === undefined) return rollout;
  const { bothRight, onlyChampionRight, onlyChallengerRight, noneRight } = pair;
  return withDevice(rollout, deviceId, {
    ...known,
    windows: known.windows + pair.windows,
    agreements: known.agreements + pair.agreements,
    labelled: known.labelled + bothRight + onlyChampionRight + onlyChallengerRight + noneRight,
    bothRight: known.bothRight + bothRight,
    onlyChampionRight: known.onlyChampionRight + onlyChampionRight,
    onlyChallengerRight: known.onlyChallengerRight + onlyChallengerRight,
    classes: addCounts(known.classes, shadow?.classes ?? []),
    confidence: addCounts(known.confidence, shadow?.confidence ?? []),
    reports: [...known.reports, key],
  });
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
