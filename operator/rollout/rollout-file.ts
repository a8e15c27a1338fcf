import { v } from '../../agent/adapters/schema-library.js';
import { everyone } from '../../protocol/documents/policy.js';
import { limits } from '../../protocol/limits.js';
import { deviceIdPattern, slotPattern } from '../../protocol/topics.js';
import { stepsOf } from './steps.js';
import { shadowStep, type Rollout, type RolloutPlan } from './rollout.js';

/**
 * The file of a rollout as a schema. It is strict: a field that is missing, or that nobody knows, is of another
 * version or of a hand, and what a rollout would conclude from the rest is not what was decided.
 */

/** What a `Date` can hold; beyond it there is no text of it. */
const lastMs = 8.64e15;

const wholeNumber = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const count = wholeNumber(0, Number.MAX_SAFE_INTEGER);
const sequence = wholeNumber(1, Number.MAX_SAFE_INTEGER);
const instant = v.pipe(v.number(), v.minValue(0), v.maxValue(lastMs));
const duration = v.pipe(v.number(), v.finite(), v.minValue(0));
const text = v.pipe(v.string(), v.maxLength(65_536));
const hex = (bytes: number) => v.pipe(v.string(), v.regex(/^[0-9a-f]*$/), v.length(2 * bytes));
const deviceId = v.pipe(v.string(), v.regex(deviceIdPattern));
const bound = v.pipe(v.number(), v.minValue(-1), v.maxValue(1));

/** JSON has no undefined: what is undefined is left out of the file, and is there again after it. */
const leftOut = <const T extends v.GenericSchema>(schema: T) => v.optional(schema, () => undefined);

const release = v.strictObject({ sequence, manifest: hex(32) });

/** Shares in 1/10000 that rise and end with everyone. */
const exposures = v.pipe(
  v.array(wholeNumber(1, everyone)),
  v.check((shares) => shares.at(-1) === everyone, 'must end with everyone'),
  v.check(
    (shares) => shares.every((each, i) => each > (shares[i - 1] ?? 0)),
    'must rise from step to step',
  ),
);

const plan: v.GenericSchema<unknown, RolloutPlan> = v.pipe(
  v.strictObject({
    shadow: v.strictObject({
      windows: wholeNumber(1, limits.shadowWindows),
      budgetPermille: wholeNumber(1, 1000),
      overMs: leftOut(wholeNumber(1, limits.soakMs)),
    }),
    turnWindows: wholeNumber(0, limits.turnWindows),
    terms: v.strictObject({
      safe: share,
      harm: share,
      alpha: v.pipe(share, v.gtValue(0), v.maxValue(0.5)),
      deviceMargin: share,
      harmShare: share,
      coverage: share,
      scope: v.picklist(['these-devices', 'population']),
      evidence: v.picklist(['labels', 'health']),
      blockWindows: wholeNumber(1, 1000),
    }),
    exposures,
    bakeMs: wholeNumber(0, limits.soakMs),
    holdout: wholeNumber(0, everyone),
    trial: v.strictObject({
      soakMs: wholeNumber(0, limits.soakMs),
      inferences: wholeNumber(1, limits.trialInferences),
    }),
    reportMs: wholeNumber(1, limits.soakMs),
    stepSoakMs: wholeNumber(0, limits.soakMs),
    horizonMs: wholeNumber(1, limits.soakMs),
  }),
  v.check(({ terms }) => terms.harm < terms.safe, 'has a harm that is not below safe'),
  v.check(({ turnWindows, bakeMs }) => turnWindows === 0 || bakeMs === 0, 'bakes turns'),
  v.check(({ holdout, bakeMs }) => holdout === 0 || bakeMs > 0, 'has a holdout and no bake'),
);

/** By device. As a list of entries: a record of the library leaves `constructor` out, which is a device id. */
const byDevice = <const T extends v.GenericSchema>(value: T) =>
  v.pipe(
    v.custom<object>(
      (given) => typeof given === 'object' && given !== null && !Array.isArray(given),
      'must be by device',
    ),
    v.transform(Object.entries),
    v.array(v.tuple([deviceId, value])),
    v.transform(
      (entries): Readonly<Record<string, v.InferOutput<T>>> =>
        Object.fromEntries(entries) as Readonly<Record<string, v.InferOutput<T>>>,
    ),
  );

const rolloutDevice = v.strictObject({ deviceId, stratum: leftOut(text) });
const leaver = v.strictObject({ id: deviceId, round: count });

const rolloutSchema: v.GenericSchema<unknown, Rollout> = v.pipe(
  v.strictObject({
    slot: v.pipe(v.string(), v.regex(slotPattern)),
    champion: release,
    challenger: release,
    salt: hex(8),
    plan,
    exposures,
    roster: v.pipe(
      v.array(rolloutDevice),
      v.minLength(1),
      v.check(
        (devices) => new Set(devices.map((each) => each.deviceId)).size === devices.length,
        'has a device twice',
      ),
    ),
    reference: leftOut(v.strictObject({ windows: count, score: share })),
    enrolled: v.array(rolloutDevice),
    joined: v.array(deviceId),
    status: v.picklist(['running', 'paused', 'held', 'aborted', 'promoted']),
    step: wholeNumber(shadowStep, everyone),
    fromPolicy: count,
    minBlocks: wholeNumber(0, limits.evidenceBlocks),
    startedMs: instant,
    elapsedMs: duration,
    present: leftOut(v.array(deviceId)),
    heard: v.array(deviceId),
    failed: byDevice(text),
    lives: byDevice(v.array(hex(8))),
    left: v.array(leaver),
    leftStep: v.array(leaver),
    named: v.array(v.strictObject({ id: deviceId, block: count, loss: bound })),
    chain: v.strictObject({
      length: count,
      hash: v.pipe(v.string(), v.regex(/^([0-9a-f]{64})?$/)),
    }),
    look: leftOut(
      v.strictObject({
        verdict: v.picklist(['harm', 'safe', 'not-yet']),
        guardrail: v.nullable(text),
        reason: text,
        lower: bound,
        upper: bound,
        rounds: count,
        present: count,
        comparing: count,
        served: count,
        arrived: count,
        windows: count,
        disagreements: count,
        onlyChampionRight: count,
        onlyChallengerRight: count,
        unlabelled: count,
        refused: v.array(v.strictObject({ deviceId, code: text, times: count })),
        labelsRefused: v.array(v.strictObject({ deviceId, code: text, reason: text })),
      }),
    ),
  }),
  v.check((rollout) => rollout.step < stepsOf(rollout), 'has a step that is not planned'),
  v.check(
    ({ chain }) => (chain.length === 0) === (chain.hash === ''),
    'has a chain of verdicts without its end',
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
