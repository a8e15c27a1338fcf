import { createHash } from 'node:crypto';
import type { DeviceEvidence, EvidenceBlock } from '../verdict/evidence.js';
import type { VerdictRecord } from './verdict-record.js';

/** The blocks of a device as in files of evidence for `rollout judge`: only the champion right, only the challenger right, windows, unlabelled, policy, served. */
type BlockRow = readonly [number, number, number, number, number, 0 | 1];

interface RecordedDevice extends Omit<DeviceEvidence, 'shadow' | 'served'> {
  readonly blocks: readonly BlockRow[];
}

/**
 * A record as it is written, and its hash. Blocks are rows of numbers: there are a million of them in a large fleet.
 */
export function encodeVerdict(record: VerdictRecord): {
  readonly text: string;
  readonly hash: string;
} {
  const { evidence } = record;
  const devices = evidence.devices.map(({ shadow, served, ...device }): RecordedDevice => ({
    ...device,
    blocks: [...shadow, ...served].map(rowOf),
  }));
  const text = `${JSON.stringify({ ...record, evidence: { ...evidence, devices } })}\n`;
  return { text, hash: createHash('sha256').update(text).digest('hex') };
}

/** What the text of a record says; undefined where it is none. Whether it is true shows when its verdict is derived again. */
export function decodeVerdict(text: string): VerdictRecord | undefined {
  try {
    const { evidence, ...record } = JSON.parse(text) as Omit<VerdictRecord, 'evidence'> & {
      readonly evidence: Omit<VerdictRecord['evidence'], 'devices'> & {
        readonly devices: readonly RecordedDevice[];
      };
    };
    const devices = evidence.devices.map(({ blocks, ...device }): DeviceEvidence => {
      const all = blocks.map(blockOf);
      return {
        ...device,
        shadow: all.filter(({ served }) => served === 0),
        served: all.filter(({ served }) => served === 1),
      };
    });
    return { ...record, evidence: { ...evidence, devices } };
  } catch {
    return undefined;
  }
}

function rowOf(block: EvidenceBlock): BlockRow {
  const { onlyChampionRight, onlyChallengerRight, windows, unlabelled, policy, served } = block;
  return [onlyChampionRight, onlyChallengerRight, windows, unlabelled, policy, served];
}

function blockOf(row: BlockRow): EvidenceBlock {
  const [onlyChampionRight, onlyChallengerRight, windows, unlabelled, policy, served] = row;
  return { onlyChampionRight, onlyChallengerRight, windows, unlabelled, policy, served };
}
