import type { Rejection, Result } from '../../../protocol/result.js';
import { BackOff } from '../back-off.js';
import type { Signal, Task } from '../process.js';
import { isSameLayout, type BlockTransfer } from './blocks.js';

/** Who is told how something comes that is waited for. */
export interface Course {
  /** This keeps it from coming; it is waited for all the same. */
  trouble(rejection: Rejection): void;
  /** It comes on after a trouble. */
  goesOn(): void;
}

/** One who waits for an artifact. */
export interface Want {
  readonly transfer: BlockTransfer;
  readonly outcome: Signal<Result<void>>;
  readonly course: Course;
}

/**
 * One fetch of one artifact, for all who want it. They may name transfers that cut the same bytes into other
 * blocks, of which the broker can retain only one kind: so what comes to a standstill is tried as the next of
 * them says.
 */
export class ArtifactFetch {
  readonly backOff = new BackOff();
  task: Task | undefined;
  readonly #wants = new Set<Want>();
  #turn = 0;
  #trouble: Rejection | undefined;

  get isWanted(): boolean {
    return this.#wants.size > 0;
  }

  join(want: Want): void {
    this.#wants.add(want);
    if (this.#trouble !== undefined) want.course.trouble(this.#trouble);
  }

  leave(want: Want): void {
    this.#wants.delete(want);
  }

  /** Whether somebody wants it cut in another way. */
  hasOtherLayout(transfer: BlockTransfer): boolean {
    return [...this.#wants].some((want) => !isSameLayout(want.transfer, transfer));
  }

  /** The transfer whose turn it is. There is one who wants it. */
  nextTransfer(): BlockTransfer {
    const [first, ...others] = [...this.#wants].map(({ transfer }) => transfer);
    if (first === undefined) throw new Error('nobody wants what is fetched');
    return [first, ...others][this.#turn++ % (1 + others.length)] ?? first;
  }

  /** Something has come. */
  progressed(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    for (const { course } of [...this.#wants]) course.goesOn();
  }

  tell(rejection: Rejection): void {
    this.#trouble = rejection;
    for (const { course } of [...this.#wants]) course.trouble(rejection);
  }

  /** Answers those who wait: all of them, or those who named this transfer. */
  settle(result: Result<void>, transfer?: BlockTransfer): void {
    for (const want of [...this.#wants]) {
      if (transfer !== undefined && !isSameLayout(want.transfer, transfer)) continue;
      this.#wants.delete(want);
      want.outcome.give(result);
    }
  }
}
