import { v } from '../../agent/adapters/schema-library.js';
import { everyone } from '../../protocol/documents/policy.js';
import { limits } from '../../protocol/limits.js';
import { deviceIdPattern, slotPattern } from '../../protocol/topics.js';
import type { DeviceEvidence } from './fleet-evidence.js';
import { shadowStep, type Rollout, type RolloutPlan } from './rollout.js';
import type { VerdictInputs, VerdictRecord } from './verdict.js';

/**
 * The file of a rollout as a schema. It is strict: a field that is missing, or that nobody knows, is of another
 * version or of a hand, and what a rollout would conclude from the rest is not what was decided.
 */

/** What a `Date` can hold; beyond it there is no text of it. */
const lastMs = 8.64e15;

const mostClasses = 8_192;
const mostBins = 1_024;

const wholeNumber = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const count = wholeNumber(0, Number.MAX_SAFE_INTEGER);
const sequence = wholeNumber(1, Number.MAX_SAFE_INTEGER);
const instant = v.pipe(v.number(), v.minValue(0), v.maxValue(lastMs));
const duration = v.pipe(v.number(), v.finite());
const step = wholeNumber(shadowStep, everyone);
const text = v.pipe(v.string(), v.maxLength(65_536));
const hex = (bytes: number) => v.pipe(v.string(), v.regex(/^[0-9a-f]*$/), v.length(2 * bytes));
const counts = (most: number) => v.pipe(v.array(count), v.maxLength(most));

/** JSON has no undefined: what is undefined is left out of the file, and is there again after it. */
const leftOut = <const T extends v.GenericSchema>(schema: T) => v.optional(schema, () => undefined);

/** A ratio to nothing is infinite, which JSON writes as null. */
const bound = v.pipe(
  v.nullable(v.number()),
  v.transform((value) => value ?? Infinity),
);

const release = v.strictObject({ sequence, manifest: hex(32) });

const plan: v.GenericSchema<unknown, RolloutPlan> = v.pipe(
  v.strictObject({
    shadow: v.strictObject({
      windows: wholeNumber(1, limits.shadowWindows),
      budgetPermille: wholeNumber(1, 1000),
    }),
    evidence: v.picklist(['labels', 'health']),
    labelledWindows: wholeNumber(1, limits.shadowWindows),
    exposures: v.pipe(
      v.array(wholeNumber(1, everyone)),
      v.check((shares) => shares.at(-1) === everyone, 'must end with everyone'),
      v.check(
        (shares) => shares.every((each, i) => each > (shares[i - 1] ?? 0)),
        'must rise from step to step',
      ),
    ),
    trial: v.strictObject({
      soakMs: wholeNumber(0, limits.soakMs),
      inferences: wholeNumber(1, limits.trialInferences),
    }),
    stepSoakMs: wholeNumber(0, limits.soakMs),
    horizonMs: wholeNumber(1, limits.soakMs),
    gate: v.strictObject({
      marginPermille: wholeNumber(0, 1000),
      harmPermille: wholeNumber(1, 999),
      safePermille: wholeNumber(1, 999),
      alphaPermille: wholeNumber(1, 500),
    }),
  }),
  v.check(({ gate }) => gate.safePermille >= gate.harmPermille, 'has a gate of safe below harm'),
);

const punctuality = v.strictObject({ windows: count, late: count });
const reportKey = { boot: count, window: count };

const deviceEvidence: v.GenericSchema<unknown, DeviceEvidence> = v.strictObject({
  windows: count,
  agreements: count,
  labelled: count,
  bothRight: count,
  onlyChampionRight: count,
  onlyChallengerRight: count,
  classes: counts(mostClasses),
  confidence: counts(mostBins),
  punctuality: v.strictObject({ champion: punctuality, challenger: punctuality }),
  servedFrom: leftOut(v.strictObject(reportKey)),
  late: leftOut(v.strictObject({ step, ...reportKey })),
  current: leftOut(count),
  failure: leftOut(text),
  reports: v.array(v.pipe(v.string(), v.regex(/^\d{1,16}\/\d{1,16}$/))),
});

/** By device. As a list of entries: a record of the library leaves `constructor` out, which is a device id. */
const evidence = v.pipe(
  v.custom<object>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'must be evidence by device',
  ),
  v.transform(Object.entries),
  v.array(v.tuple([v.pipe(v.string(), v.regex(deviceIdPattern)), deviceEvidence])),
  v.transform((entries): Readonly<Record<string, DeviceEvidence>> => Object.fromEntries(entries)),
);

const inputs: v.GenericSchema<unknown, VerdictInputs> = v.strictObject({
  step,
  compared: count,
  harmed: count,
  late: count,
  lateServed: v.nullable(v.strictObject({ treated: count, control: count })),
  mixDistance: v.nullable(share),
  enrolled: count,
  failed: count,
  expected: count,
  arrived: count,
  elapsedMs: duration,
});

/** Keys in the order in which they are judged: `rollout replay` compares them byte for byte. */
const verdict: v.GenericSchema<unknown, VerdictRecord> = v.strictObject({
  t: instant,
  inputs,
  judgement: v.strictObject({
    verdict: v.picklist(['harm', 'safe', 'continue', 'hold']),
    rule: v.picklist([
      'lower-above-harm',
      'all-upper-below-safe',
      'undecided-at-horizon',
      'undecided',
    ]),
    reason: text,
    guardrails: v.array(
      v.strictObject({
        name: text,
        margins: v.strictObject({ harm: v.number(), safe: v.number() }),
        interval: v.strictObject({ lower: bound, upper: bound }),
        verdict: v.picklist(['harm', 'safe', 'continue']),
      }),
    ),
  }),
  action: v.picklist(['advance', 'promote', 'abort', 'hold', 'revert', 'none']),
  by: v.picklist(['controller', 'operator']),
});

const rolloutSchema: v.GenericSchema<unknown, Rollout> = v.pipe(
  v.strictObject({
    slot: v.pipe(v.string(), v.regex(slotPattern)),
    champion: release,
    challenger: release,
    reference: leftOut(
      v.strictObject({
        classes: v.pipe(v.array(share), v.maxLength(mostClasses)),
        confidence: share,
      }),
    ),
    salt: hex(8),
    plan,
    roster: v.pipe(
      v.array(v.pipe(v.string(), v.regex(deviceIdPattern))),
      v.minLength(1),
      v.check((ids) => new Set(ids).size === ids.length, 'has a device twice'),
    ),
    status: v.picklist(['running', 'paused', 'held', 'aborted', 'promoted']),
    step,
    startedMs: instant,
    stepStartedMs: instant,
    evidence,
    verdicts: v.array(verdict),
  }),
  v.check(({ step: at, plan: of }) => at < of.exposures.length, 'has a step that is not planned'),
  // Without it nobody would be found to be unsure.
  v.check(
    ({ reference, plan: of }) => (of.evidence === 'health') === (reference !== undefined),
    'must have a reference with evidence of health, and only with it',
  ),
);

/** Reads the text of a rollout's file. Throws an error that says what is wrong with it. */
export function parseRolloutFile(content: string, slot: string): Rollout {
  const parsed = v.safeParse(rolloutSchema, JSON.parse(content), { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new Error(`${v.getDotPath(issue) ?? 'the rollout'}: ${issue.message}`);
  }
  if (parsed.output.slot !== slot) throw new Error(`it is of slot ${parsed.output.slot}`);
  return parsed.output;
}
