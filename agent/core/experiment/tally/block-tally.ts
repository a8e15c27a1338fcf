import type { BlockList } from '../../../../protocol/messages/evidence.js';
import { blockOfPair, type PairProgress } from '../../../../protocol/assignment/switchback.js';
import { limits } from '../../../../protocol/limits.js';

/** What a window added to its block, and takes back when its true label comes. */
export type Difference = 'onlyChampionRight' | 'onlyChallengerRight' | 'unlabelled';

/** A block that still changes: late labels reach blocks that closed long ago. */
export interface OpenBlock {
  windows: number;
  onlyChampionRight: number;
  onlyChallengerRight: number;
  unlabelled: number;
  /** The version of the policy under which it began. */
  readonly policy: number;
  readonly served: 0 | 1;
}

/** The role of a device under one version of the policy: a block spans no change of it. */
export interface Role {
  readonly policy: number;
  /** 1 where the challenger serves. */
  readonly served: 0 | 1;
}

/** Windows of a block, and those of a turn where served blocks are pairs of turns. */
export interface BlockLengths {
  readonly blockWindows: number;
  readonly turnWindows?: number | undefined;
}

/** What a tally of blocks has come to, for its file. */
export interface BlockTallyState {
  readonly shadow: BlockList;
  readonly served: BlockList;
  readonly open: Readonly<OpenBlock> | undefined;
}

/**
 * Cuts the compared windows of a device into blocks of L (evidence rules, 1.2 and 1.3): two lists, while the challenger was
 * in the shadow and while it served, so that a long shadow leaves room for the ramp. A list that is full takes no more. A
 * block that is open when the role or the policy changes belongs to neither, and is dropped.
 */
export class BlockTally {
  readonly #lengths: BlockLengths;
  readonly #lists: { readonly shadow: OpenBlock[]; readonly served: OpenBlock[] };
  #open: OpenBlock | undefined;

  constructor(lengths: BlockLengths, before?: BlockTallyState) {
    this.#lengths = lengths;
    this.#lists = {
      shadow: (before?.shadow.blocks ?? []).map((block) => ({ ...block })),
      served: (before?.served.blocks ?? []).map((block) => ({ ...block })),
    };
    this.#open = before?.open && { ...before.open };
  }

  get state(): BlockTallyState {
    return {
      shadow: this.#listOf(this.#lists.shadow),
      served: this.#listOf(this.#lists.served),
      open: this.#open && { ...this.#open },
    };
  }

  /** The lists as others are to see them: pairs of turns as blocks. */
  get blocks(): Pick<BlockTallyState, 'shadow' | 'served'> {
    const { shadow, served } = this.state;
    if (this.#lengths.turnWindows === undefined) return { shadow, served };
    return { shadow, served: { ...served, blocks: served.blocks.map(blockOfPair) } };
  }

  /** How far the pairs of turns have come. */
  get turns(): PairProgress {
    const open = this.#open?.served === 1 ? this.#open.windows : 0;
    return { pairs: this.#lists.served.length, windows: open };
  }

  /** Closed blocks from while the champion served. */
  get shadowBlocks(): number {
    return this.#lists.shadow.length;
  }

  /** Whether the list for this role takes no more. */
  isFull({ policy, served }: Role): boolean {
    const list = served === 1 ? this.#lists.served : this.#lists.shadow;
    const isNewPolicy = list.at(-1)?.policy !== policy;
    return (
      list.length >= limits.evidenceBlocks ||
      (isNewPolicy && policiesOf(list) >= limits.evidencePolicies)
    );
  }

  /**
   * Counts a window into the block of its role. Gives that block, for the label that may still come; undefined where the list
   * is full.
   */
  add(role: Role, difference: Difference | undefined): OpenBlock | undefined {
    if (this.#open?.policy !== role.policy || this.#open.served !== role.served) {
      this.#open = this.isFull(role) ? undefined : emptyBlock(role);
    }
    const block = this.#open;
    if (block === undefined) return undefined;
    block.windows++;
    if (difference !== undefined) block[difference]++;
    if (block.windows >= this.#windowsOf(role)) this.#close(block);
    return block;
  }

  /** The place of a block, for the file of the ledger; undefined for one that was dropped. */
  placeOf(block: OpenBlock | undefined): BlockPlace | undefined {
    if (block === undefined) return undefined;
    if (block === this.#open) return 'open';
    const index = this.#listFor(block.served).indexOf(block);
    return index < 0 ? undefined : [block.served, index];
  }

  /** The block at a place. */
  at(place: BlockPlace | undefined): OpenBlock | undefined {
    if (place === undefined) return undefined;
    return place === 'open' ? this.#open : this.#listFor(place[0])[place[1]];
  }

  #windowsOf({ served }: Role): number {
    const { blockWindows, turnWindows } = this.#lengths;
    return served === 1 && turnWindows !== undefined ? 2 * turnWindows : blockWindows;
  }

  #close(block: OpenBlock): void {
    this.#listFor(block.served).push(block);
    this.#open = undefined;
  }

  #listFor(served: 0 | 1): OpenBlock[] {
    return served === 1 ? this.#lists.served : this.#lists.shadow;
  }

  #listOf(blocks: readonly OpenBlock[]): BlockList {
    return {
      blocks: blocks.map((block) => ({ ...block })),
      full: blocks.length >= limits.evidenceBlocks || policiesOf(blocks) >= limits.evidencePolicies,
    };
  }
}

/** Where a block stands: the open one, or its list and index. */
export type BlockPlace = 'open' | readonly [served: 0 | 1, index: number];

function emptyBlock({ policy, served }: Role): OpenBlock {
  return {
    windows: 0,
    onlyChampionRight: 0,
    onlyChallengerRight: 0,
    unlabelled: 0,
    policy,
    served,
  };
}

function policiesOf(blocks: readonly OpenBlock[]): number {
  return new Set(blocks.map(({ policy }) => policy)).size;
}
