/** What one release answered to a window. */
export interface GivenAnswer {
  /** The sequence number of the release. */
  readonly release: number;
  readonly label: string | undefined;
}

/** The answers to one window, while its true label may still come. */
export interface AnsweredWindow {
  readonly served: GivenAnswer;
  shadow: GivenAnswer | undefined;
  /** The true label, once it came: it counts once. */
  truth: string | undefined;
}

/** So many windows wait for their labels; those of older ones come too late. */
const windowLimit = 4096;

/** Remembers who answered what to the latest windows, because true labels come late if at all. */
export class RecentAnswers {
  readonly #windows = new Map<number, AnsweredWindow>();

  served(window: number, answer: GivenAnswer): void {
    this.#windows.set(window, { served: answer, shadow: undefined, truth: undefined });
    // A map keeps the order of insertion: the first is the oldest.
    for (const oldest of this.#windows.keys()) {
      if (this.#windows.size <= windowLimit) break;
      this.#windows.delete(oldest);
    }
  }

  /** Gives the answers to the window where its true label was faster than the challenger. */
  shadowed(window: number, answer: GivenAnswer): AnsweredWindow | undefined {
    const answers = this.#windows.get(window);
    if (answers === undefined) return undefined;
    answers.shadow = answer;
    return answers.truth === undefined ? undefined : answers;
  }

  /** The answers to a window whose true label is known now; undefined where nobody waits for it. */
  take(window: number, truth: string): AnsweredWindow | undefined {
    const answers = this.#windows.get(window);
    if (answers === undefined || answers.truth !== undefined) return undefined;
    answers.truth = truth;
    return answers;
  }
}
