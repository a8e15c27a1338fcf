/** What a campaign has found, in lines for people; each is one figure. */
export interface Proof {
  readonly figures: readonly string[];
  /** What broke a promise, in words; nothing where all is well. */
  readonly bad: readonly string[];
}

/** One thing that is tried far more often than the tests try it. */
export interface Campaign {
  readonly name: string;
  /** What is shown where nothing is bad, in one sentence. */
  readonly claim: string;
  /**
   * @param progress takes what is being done, for a terminal
   * @param only the parts to run, for a campaign that has some; all where it is undefined
   */
  run(seed: number, progress: (text: string) => void, only?: readonly string[]): Promise<Proof>;
}
