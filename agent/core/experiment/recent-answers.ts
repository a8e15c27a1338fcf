import { accept, refuse, type Result } from '../../../protocol/result.js';
import type { Classes } from '../inference/classes.js';

/** What one release answered to a window. */
export interface GivenAnswer {
  /** The sequence number of the release. */
  readonly release: number;
  readonly label: string | undefined;
}

/** The answers to one window, while its true label may still come. */
export interface AnsweredWindow {
  readonly served: GivenAnswer;
  /** What the served release could have said. */
  readonly classes: KnownClasses;
  shadow: GivenAnswer | undefined;
  /** The true label, once it came: it counts once. */
  truth: string | undefined;
}

export type KnownClasses = Pick<Classes, 'has'>;

/** So many windows wait for their labels; those of older ones come too late. */
const windowLimit = 4096;

/** Remembers who answered what to the latest windows, because true labels come late if at all. */
export class RecentAnswers {
  readonly #windows = new Map<number, AnsweredWindow>();
  #lastForgotten = 0;

  served(window: number, answer: GivenAnswer, classes: KnownClasses): void {
    this.#windows.set(window, { served: answer, classes, shadow: undefined, truth: undefined });
    // A map keeps the order of insertion: the first is the oldest.
    for (const oldest of this.#windows.keys()) {
      if (this.#windows.size <= windowLimit) break;
      this.#windows.delete(oldest);
      this.#lastForgotten = oldest;
    }
  }

  /** The true label of a window, where it came already. */
  truthOf(window: number): string | undefined {
    return this.#windows.get(window)?.truth;
  }

  /** Gives the answers to the window where its true label was faster than the challenger. */
  shadowed(window: number, answer: GivenAnswer): AnsweredWindow | undefined {
    const answers = this.#windows.get(window);
    if (answers === undefined) return undefined;
    answers.shadow = answer;
    return answers.truth === undefined ? undefined : answers;
  }

  /**
   * The answers to a window whose true label is known now. Refuses with a code of its own what cannot count:
   * a window without an answer, or whose answer is forgotten, a label that the release could not have given,
   * and a second label of one window.
   */
  take(window: number, truth: string): Result<AnsweredWindow> {
    const answers = this.#windows.get(window);
    if (answers === undefined) {
      return window > 0 && window <= this.#lastForgotten
        ? refuse(
            'label-late',
            `window ${window}, and the answers up to ${this.#lastForgotten} are forgotten`,
          )
        : refuse('label-window-unknown', `window ${window} has no answer`);
    }
    if (!answers.classes.has(truth)) {
      return refuse(
        'label-class-unknown',
        `${JSON.stringify(truth)} is no class of release ${answers.served.release}`,
      );
    }
    if (answers.truth === truth) return refuse('label-repeated', `window ${window}`);
    if (answers.truth !== undefined) {
      return refuse(
        'label-contradictory',
        `window ${window} is ${JSON.stringify(answers.truth)} already, not ${JSON.stringify(truth)}`,
      );
    }
    answers.truth = truth;
    return accept(answers);
  }
}
