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
