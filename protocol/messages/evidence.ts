import { encodeCbor } from '../cbor/encode.js';
import type { Fields } from '../cbor/fields.js';
import { checkInteger, checkList, parseFields, refuseField } from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';
import { limits } from '../limits.js';
import { refuse, type Result } from '../result.js';
import type { ComparedBlock } from '../statistics/harmed-device.js';
import {
  comparisonHeadEntries,
  parseComparisonHead,
  type ComparisonHead,
} from '../comparison-head.js';

/**
 * All that one device has found out in one comparison, since it began and over all restarts (evidence rules, 1). It is
 * state and no event: the greatest revision of a life says all, so that loss, doubling and order change nothing.
 */
export interface Evidence extends ComparisonHead {
  /** Rises with every change, and is on disk before it is published. */
  readonly revision: number;
  /** L, the compared windows of a block. */
  readonly blockWindows: number;
  readonly totals: EvidenceTotals;
  /** Blocks while the champion served, and while the challenger did. */
  readonly shadow: BlockList;
  readonly served: BlockList;
  /** Correlation of the loss of neighbouring compared windows, in 1/1000; undefined where too few were compared. */
  readonly correlation: number | undefined;
  readonly late: LateReports;
  readonly service: ChallengerService;
  readonly aside: Aside | undefined;
  readonly drift: DriftMark;
}

/** Windows since the comparison began, whether or not a block holds them. */
export interface EvidenceTotals {
  readonly windows: number;
  readonly onlyChampionRight: number;
  readonly onlyChallengerRight: number;
  /** Windows on which the two differ, and those of them that have no true label. */
  readonly disagreements: number;
  readonly unlabelled: number;
  /** Compared windows with a true label. */
  readonly labelled: number;
}

export interface BlockList {
  /** In the order in which they closed; their policies do not fall. */
  readonly blocks: readonly Block[];
  /** Whether the list takes no more. */
  readonly full: boolean;
}

/** A closed block, with the version of the policy under which it began and ended. */
export interface Block extends ComparedBlock {
  readonly policy: number;
}

/** Reports over which both releases were there, and those in which only one of them had a late answer. */
export interface LateReports {
  readonly reports: number;
  readonly onlyChampion: number;
  readonly onlyChallenger: number;
}

/** Whether the challenger serves there, and how many reports the device has sent since it was committed. */
export interface ChallengerService {
  readonly serving: boolean;
  readonly reports: number;
}

/** Why a device stays with the champion by itself. */
export type Aside = (typeof asides)[number];
const asides = ['named', 'too-few-blocks', 'holdout'] as const;

/** Whether the input of the device has changed since it was commissioned, and what its owner wants then. */
export type DriftMark = (typeof driftMarks)[number];
const driftMarks = ['none', 'marked', 'hold'] as const;

const count = [0, Number.MAX_SAFE_INTEGER] as const;

/** Reads evidence from a payload whose signature holds. Refuses with `document-invalid` and `evidence-too-large`. */
export function parseEvidence(payload: Uint8Array): Result<Evidence> {
  if (payload.length > limits.evidenceBytes) {
    return refuse('evidence-too-large', `${payload.length} bytes, at most ${limits.evidenceBytes}`);
  }
  return parseFields(payload, 'evidence', (fields) => {
    return {
      ...parseComparisonHead(fields),
      revision: fields.integer(7, [1, Number.MAX_SAFE_INTEGER]),
      blockWindows: fields.integer(8, [1, 1000]),
      totals: fields.value(9, parseTotals),
      shadow: fields.map(10, (list) => parseList(list, 0)),
      served: fields.map(11, (list) => parseList(list, 1)),
      correlation: fields.optional(12, () => fields.integer(12, [-1000, 1000])),
      late: fields.value(13, parseLate),
      service: fields.map(14, (service) => ({
        serving: service.integer(1, [0, 1]) === 1,
        reports: service.integer(2, count),
      })),
      aside: fields.optional(15, () => fields.choice(15, asides)),
      drift: fields.choice(16, driftMarks),
    };
  });
}

/** The payload of evidence, in deterministic CBOR. */
export function encodeEvidence(evidence: Evidence): Uint8Array {
  const { totals, late, service } = evidence;
  const fields = new Map<number, CborValue>([
    ...comparisonHeadEntries(evidence),
    [7, evidence.revision],
    [8, evidence.blockWindows],
    [
      9,
      [
        totals.windows,
        totals.onlyChampionRight,
        totals.onlyChallengerRight,
        totals.disagreements,
        totals.unlabelled,
        totals.labelled,
      ],
    ],
    [10, listValue(evidence.shadow)],
    [11, listValue(evidence.served)],
    [13, [late.reports, late.onlyChampion, late.onlyChallenger]],
    [
      14,
      new Map([
        [1, service.serving ? 1 : 0],
        [2, service.reports],
      ]),
    ],
    [16, driftMarks.indexOf(evidence.drift)],
  ]);
  if (evidence.correlation !== undefined) fields.set(12, evidence.correlation);
  if (evidence.aside !== undefined) fields.set(15, asides.indexOf(evidence.aside));
  return encodeCbor(fields);
}

/** Blocks are carried under the version of their policy, which most of them share: so many fit one small message. */
function listValue({ blocks, full }: BlockList): CborValue {
  const groups: (readonly [policy: number, blocks: CborValue[]])[] = [];
  for (const { policy, onlyChampionRight, onlyChallengerRight, windows, unlabelled } of blocks) {
    const value = [onlyChampionRight, onlyChallengerRight, windows, unlabelled];
    const last = groups.at(-1);
    if (last?.[0] === policy) last[1].push(value);
    else groups.push([policy, [value]]);
  }
  return new Map<number, CborValue>([
    [1, full ? 1 : 0],
    [2, groups],
  ]);
}

function parseList(fields: Fields, served: 0 | 1): BlockList {
  const full = fields.integer(1, [0, 1]) === 1;
  let policyBefore = 0;
  const groups = fields.list(2, [0, limits.evidencePolicies], (item, path) => {
    const [policy, blocks] = checkList(item, [2, 2], path);
    policyBefore = checkInteger(policy, [policyBefore + 1, Number.MAX_SAFE_INTEGER], `${path}[0]`);
    return checkList(blocks, [1, limits.evidenceBlocks], `${path}[1]`).map((block, i) =>
      parseBlock(block, { policy: policyBefore, served }, `${path}[1][${i}]`),
    );
  });
  const blocks = groups.flat();
  if (blocks.length > limits.evidenceBlocks) {
    refuseField('evidence', `has more than ${limits.evidenceBlocks} blocks in a list`);
  }
  return { blocks, full };
}

function parseBlock(
  value: CborValue,
  { policy, served }: Pick<Block, 'policy' | 'served'>,
  path: string,
): Block {
  const [b, c, n, u] = checkList(value, [4, 4], path);
  const windows = checkInteger(n, [1, limits.blockWindows], `${path}[2]`);
  const most = [0, windows] as const;
  // One literal: a fleet has millions of them, and what is spread together is read far more slowly.
  const block: Block = {
    onlyChampionRight: checkInteger(b, most, `${path}[0]`),
    onlyChallengerRight: checkInteger(c, most, `${path}[1]`),
    windows,
    unlabelled: checkInteger(u, most, `${path}[3]`),
    served,
    policy,
  };
  if (block.onlyChampionRight + block.onlyChallengerRight + block.unlabelled > windows) {
    refuseField(path, 'counts more differences than windows');
  }
  return block;
}

function parseTotals(value: CborValue, path: string): EvidenceTotals {
  const [windows, b, c, differences, open, known] = checkList(value, [6, 6], path);
  const total = checkInteger(windows, count, `${path}[0]`);
  const disagreements = checkInteger(differences, [0, total], `${path}[3]`);
  const part = [0, disagreements] as const;
  const totals = {
    windows: total,
    onlyChampionRight: checkInteger(b, part, `${path}[1]`),
    onlyChallengerRight: checkInteger(c, part, `${path}[2]`),
    disagreements,
    unlabelled: checkInteger(open, part, `${path}[4]`),
    labelled: checkInteger(known, [0, total], `${path}[5]`),
  };
  if (totals.onlyChampionRight + totals.onlyChallengerRight + totals.unlabelled > disagreements) {
    refuseField(path, 'counts more differences than there are');
  }
  return totals;
}

function parseLate(value: CborValue, path: string): LateReports {
  const [all, champion, challenger] = checkList(value, [3, 3], path);
  const reports = checkInteger(all, count, `${path}[0]`);
  const onlyChampion = checkInteger(champion, [0, reports], `${path}[1]`);
  const onlyChallenger = checkInteger(challenger, [0, reports - onlyChampion], `${path}[2]`);
  return { reports, onlyChampion, onlyChallenger };
}
