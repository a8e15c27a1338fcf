import { decodeJson, type JsonMap } from '../json/decode.js';
import { limits } from '../limits.js';

/**
 * What a device asks the operator for: blocks that the broker does not retain, or not rightly. On the topic of the
 * digest of a manifest it asks for the manifest, and names no blocks.
 */
export interface WantMessage {
  /** The device that asks. */
  readonly device: string;
  /** How the transfer is cut into blocks, in bytes. */
  readonly blockSize?: number;
  /** Numbers of blocks; the device asks for more when these have come. */
  readonly blocks: readonly number[];
}

/** The most blocks that a transfer can have. */
const mostBlocks = Math.ceil(limits.artifactBytes / limits.blockBytesLeast);

/** Reads a want; undefined for what is none. */
export function parseWant(payload: Uint8Array): WantMessage | undefined {
  const json = decodeJson(payload, limits.deviceMessageBytes);
  if (!(json instanceof Map)) return undefined;
  const map = json as JsonMap;
  const [device, blockSize, blocks] = [map.get('device'), map.get('blockSize'), map.get('blocks')];
  if (typeof device !== 'string' || device.length > 64 || !Array.isArray(blocks)) return undefined;
  const numbers = (blocks as readonly unknown[]).filter((block) =>
    isWhole(block, 0, mostBlocks - 1),
  );
  if (numbers.length < blocks.length || numbers.length > limits.wantedBlocks) return undefined;
  if (blockSize === undefined) return numbers.length === 0 ? { device, blocks: [] } : undefined;
  if (!isWhole(blockSize, limits.blockBytesLeast, limits.blockBytesMost)) return undefined;
  return { device, blockSize, blocks: numbers };
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}
