import { encodeCbor } from '../../../../protocol/cbor/encode.js';
import {
  checkInteger,
  checkList,
  checkText,
  parseFields,
  type Fields,
} from '../../../../protocol/cbor/fields.js';
import type { EvidenceTerms } from '../../../../protocol/documents/policy.js';
import type { CborValue } from '../../../../protocol/cbor/value.js';
import {
  disagreementValue,
  parseDisagreement,
} from '../../../../protocol/messages/disagreements.js';
import { encodeEvidence, parseEvidence } from '../../../../protocol/messages/evidence.js';
import { limits } from '../../../../protocol/limits.js';
import { accept, type Result } from '../../../../protocol/result.js';
import type { BlockPlace, OpenBlock } from './block-tally.js';
import { ComparisonTally, type TallyState } from './comparison-tally.js';
import { ledgerEntries, type LedgerEntry } from './disagreement-ledger.js';
import type { LateSpell } from './late-spells.js';
import type { LossSums } from './loss-correlation.js';

/** The file is never larger: entries with the longest names of classes, three bytes to a UTF-16 code unit. */
export const tallyFileBytes =
  ledgerEntries * (6 * limits.textBytes + 128) + 2 * limits.evidenceBytes;

/** Items of the greatest file: an entry has at most 20. */
const items = 24 * ledgerEntries + limits.cborItems;

const count = [0, Number.MAX_SAFE_INTEGER] as const;
const anyInteger = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const;
const sides = ['champion', 'challenger'] as const;

type StoredEntry = Parameters<typeof ComparisonTally.resume>[1][number];

/** A tally as a file: the evidence as it is published, and what only the device needs. */
export function encodeTally(tally: ComparisonTally): Uint8Array {
  const { state } = tally;
  const { open } = state.blocks;
  const { spell } = state.late;
  const { windows, losses, squares, products } = state.losses;
  const said = { deviceId: 'self', slot: 'self', aside: undefined, drift: 'none' } as const;
  const fields = new Map<number, CborValue>([
    [0, 1],
    [
      1,
      encodeEvidence({
        ...tally.evidence(said),
        shadow: state.blocks.shadow,
        served: state.blocks.served,
        revision: state.revision + 1,
      }),
    ],
    [3, [windows, losses, squares, products]],
    [6, termsValue(state.terms)],
    [7, state.named ? 1 : 0],
    [5, tally.ledger.entries.map((entry) => entryValue(entry, tally.placeOf(entry)))],
  ]);
  if (open !== undefined) fields.set(2, openValue(open));
  if (spell !== undefined) fields.set(4, [sides.indexOf(spell.side), spell.reports]);
  return encodeCbor(fields);
}

/** Reads a file; refuses what no device has written with `document-invalid`. */
export function decodeTally(bytes: Uint8Array): Result<ComparisonTally> {
  const parsed = parseFields(bytes, 'tally', readTally, items);
  if (!parsed.ok) return parsed;
  const { payload, open, losses, spell, entries, terms, named } = parsed.value;
  const evidence = parseEvidence(payload);
  if (!evidence.ok) return evidence;
  const { champion, challenger, salt, life, revision, shadow, served, late, ...rest } =
    evidence.value;
  const state: TallyState = {
    name: { champion, challenger, salt },
    life,
    revision: revision - 1,
    terms,
    named,
    totals: rest.totals,
    blocks: { shadow, served, open },
    late: { ...late, spell },
    losses,
    service: rest.service,
  };
  return accept(ComparisonTally.resume(state, entries));
}

function readTally(fields: Fields) {
  fields.integer(0, [1, 1]);
  return {
    payload: fields.bytes(1, [1, limits.evidenceBytes]),
    open: fields.optional(2, () => fields.value(2, parseOpen)),
    losses: fields.value(3, parseLosses),
    spell: fields.optional(4, () => fields.value(4, parseSpell)),
    entries: fields.list(5, [0, ledgerEntries], parseEntry),
    terms: fields.value(6, parseTerms),
    named: fields.integer(7, [0, 1]) === 1,
  };
}

function termsValue(terms: EvidenceTerms): CborValue {
  const { devices, alphaPermille, deviceMarginPermille, blockWindows, turnWindows } = terms;
  const common = [devices, alphaPermille, deviceMarginPermille, blockWindows];
  return turnWindows === undefined ? common : [...common, turnWindows];
}

function parseTerms(value: CborValue, path: string): EvidenceTerms {
  const [devices, alpha, margin, windows, turn] = checkList(value, [4, 5], path);
  return {
    devices: checkInteger(devices, [1, limits.rolloutDevices], `${path}[0]`),
    alphaPermille: checkInteger(alpha, [1, 500], `${path}[1]`),
    deviceMarginPermille: checkInteger(margin, [0, 1000], `${path}[2]`),
    blockWindows: checkInteger(windows, [1, 1000], `${path}[3]`),
    turnWindows:
      turn === undefined ? undefined : checkInteger(turn, [1, limits.turnWindows], `${path}[4]`),
  };
}

function openValue(open: Readonly<OpenBlock>): CborValue {
  const { windows, onlyChampionRight, onlyChallengerRight, unlabelled, policy, served } = open;
  return [windows, onlyChampionRight, onlyChallengerRight, unlabelled, policy, served];
}

function parseOpen(value: CborValue, path: string): OpenBlock {
  const [windows, b, c, u, policy, served] = checkList(value, [6, 6], path);
  const most = [0, limits.blockWindows] as const;
  return {
    windows: checkInteger(windows, most, `${path}[0]`),
    onlyChampionRight: checkInteger(b, most, `${path}[1]`),
    onlyChallengerRight: checkInteger(c, most, `${path}[2]`),
    unlabelled: checkInteger(u, most, `${path}[3]`),
    policy: checkInteger(policy, count, `${path}[4]`),
    served: checkInteger(served, [0, 1], `${path}[5]`) === 1 ? 1 : 0,
  };
}

function parseLosses(value: CborValue, path: string): LossSums {
  const [windows, losses, squares, products] = checkList(value, [4, 4], path);
  return {
    windows: checkInteger(windows, count, `${path}[0]`),
    losses: checkInteger(losses, anyInteger, `${path}[1]`),
    squares: checkInteger(squares, count, `${path}[2]`),
    products: checkInteger(products, anyInteger, `${path}[3]`),
  };
}

function parseSpell(value: CborValue, path: string): LateSpell {
  const [side, reports] = checkList(value, [2, 2], path);
  return {
    side: checkInteger(side, [0, 1], `${path}[0]`) === 1 ? 'challenger' : 'champion',
    reports: checkInteger(reports, [1, Number.MAX_SAFE_INTEGER], `${path}[1]`),
  };
}

/** The disagreement, its number, whether it was told, its label, and the place of its block. */
function entryValue(entry: LedgerEntry, place: BlockPlace | undefined): CborValue {
  return [
    disagreementValue(entry),
    entry.index,
    entry.told ? 1 : 0,
    entry.truth === undefined ? [] : [entry.truth],
    placeValue(place),
  ];
}

function parseEntry(value: CborValue, path: string): StoredEntry {
  const [disagreement, index, told, truth, place] = checkList(value, [5, 5], path);
  const [label] = checkList(truth, [0, 1], `${path}[3]`);
  return {
    ...parseDisagreement(disagreement ?? [], `${path}[0]`),
    index: checkInteger(index, count, `${path}[1]`),
    told: checkInteger(told, [0, 1], `${path}[2]`) === 1,
    truth:
      label === undefined
        ? undefined
        : checkText(label, [1, limits.textBytes], undefined, `${path}[3]`),
    place: parsePlace(place ?? [], `${path}[4]`),
  };
}

/** Nothing for a block that was dropped, one item for the open one, list and index for a closed one. */
function placeValue(place: BlockPlace | undefined): CborValue {
  if (place === undefined) return [];
  return place === 'open' ? [0] : [...place];
}

function parsePlace(value: CborValue, path: string): BlockPlace | undefined {
  const parts = checkList(value, [0, 2], path);
  if (parts.length === 0) return undefined;
  if (parts.length === 1) return 'open';
  const served = checkInteger(parts[0], [0, 1], `${path}[0]`);
  return [
    served === 1 ? 1 : 0,
    checkInteger(parts[1], [0, limits.evidenceBlocks - 1], `${path}[1]`),
  ];
}
