import { v } from '../../agent/adapters/schema-library.js';
import { CodedError } from '../../protocol/coded-error.js';
import { limits } from '../../protocol/limits.js';
import { deviceIdPattern } from '../../protocol/topics.js';
import {
  defaultTerms,
  type DeviceEvidence,
  type EvidenceBlock,
  type FleetEvidence,
} from './evidence.js';

/**
 * Evidence as a file, for audits and for people who bring evidence of their own. It is strict: a key that nobody
 * knows may be a misspelt one, and what would be concluded without it is not what was meant.
 */

const mostDevices = 100_000;
const mostBlocks = 4_096;
const mostWindows = 65_535;

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(mostWindows));
const flag = (otherwise: boolean) => v.optional(v.boolean(), otherwise);
const positiveShare = v.pipe(share, v.gtValue(0));

/** Without the names that every object inherits, such as `constructor`: they would pass for known keys. */
const strictKeys = <const T extends v.ObjectEntries>(entries: T) =>
  v.strictObject(Object.assign(Object.create(null) as object, entries));

const plan = v.pipe(
  strictKeys({
    safe: v.optional(v.pipe(positiveShare, v.ltValue(1)), defaultTerms.safe),
    harm: v.optional(v.pipe(share, v.ltValue(1)), defaultTerms.harm),
    alpha: v.optional(v.pipe(positiveShare, v.maxValue(0.5)), defaultTerms.alpha),
    deviceMargin: v.optional(v.pipe(share, v.ltValue(1)), defaultTerms.deviceMargin),
    harmShare: v.optional(share, defaultTerms.harmShare),
    coverage: v.optional(v.pipe(share, v.minValue(0.5)), defaultTerms.coverage),
    scope: v.optional(v.picklist(['these-devices', 'population']), defaultTerms.scope),
  }),
  v.check(({ harm, safe }) => harm < safe, 'must have harm below safe'),
);

/** [b, c, n], and where they are known how many have no label, the policy, and whether the challenger served. */
const block = v.pipe(
  v.array(count),
  v.minLength(3),
  v.maxLength(6),
  v.check(([b = 0, c = 0, n = 0, u = 0]) => n > 0 && b + c + u <= n, 'must be part of its windows'),
  v.check(([, , , , , served = 0]) => served <= 1, 'must be served 0 or 1'),
  v.transform(([b = 0, c = 0, n = 0, unlabelled = 0, policy = 0, served = 0]): EvidenceBlock => ({
    onlyChampionRight: b,
    onlyChallengerRight: c,
    windows: n,
    unlabelled,
    policy,
    served: served === 1 ? 1 : 0,
  })),
);

const device = v.pipe(
  strictKeys({
    id: v.pipe(v.string(), v.regex(deviceIdPattern)),
    stratum: v.optional(v.pipe(v.string(), v.regex(/^[\x20-\x7e]{1,64}$/))),
    asked: flag(true),
    present: flag(true),
    failed: flag(false),
    silent: flag(false),
    left: v.optional(v.pipe(count, v.minValue(1))),
    blocks: v.pipe(v.array(block), v.maxLength(mostBlocks)),
  }),
  v.transform(({ blocks, ...known }): DeviceEvidence => ({
    ...known,
    shadow: blocks.filter(({ served }) => served === 0),
    served: blocks.filter(({ served }) => served === 1),
  })),
  v.check(
    ({ shadow, served }) => rises(shadow) && rises(served),
    'must have blocks in the order of policies',
  ),
);

const evidence = v.pipe(
  strictKeys({
    plan: v.optional(plan, {}),
    devices: v.pipe(v.array(device), v.maxLength(mostDevices)),
  }),
  v.check(
    ({ devices }) => new Set(devices.map(({ id }) => id)).size === devices.length,
    'must name each device once',
  ),
);

/** Reads the bytes of an evidence file. Throws `evidence-file-invalid` with the first thing that is wrong. */
export function parseEvidenceFile(bytes: Uint8Array): FleetEvidence {
  const parsed = v.safeParse(evidence, parseJson(bytes), { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    refuse(`${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
  }
  const { plan, devices } = parsed.output;
  return {
    terms: { ...defaultTerms, ...plan },
    devices,
    unmet: [],
    holds: [],
    names: { champion: 'the champion', challenger: 'the challenger' },
  };
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > limits.evidenceFileBytes) {
    refuse(`${bytes.length} bytes are more than ${limits.evidenceFileBytes}`);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

/** The detail quotes what was given: it is kept short and printable. */
function refuse(detail: string): never {
  throw new CodedError('evidence-file-invalid', detail.replace(/[^\x20-\x7e]/g, '?').slice(0, 200));
}

function rises(blocks: readonly EvidenceBlock[]): boolean {
  return blocks.every(({ policy }, i) => policy >= (blocks[i - 1]?.policy ?? 0));
}
