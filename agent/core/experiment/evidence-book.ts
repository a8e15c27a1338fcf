import type { Code } from '../../../protocol/codes.js';
import type { ReleaseReport, ReportMessage } from '../../../protocol/messages/report.js';
import type { Result } from '../../../protocol/result.js';
import { PairEvidence, ReleaseEvidence, type Observed } from './evidence.js';
import { RecentAnswers, type AnsweredWindow, type KnownClasses } from './recent-answers.js';

/** An answer with what it is compared by. */
export interface ObservedAnswer extends Observed {
  readonly label: string | undefined;
}

/**
 * What a report carries at most, so that it stays below the largest message that is read: releases and pairs that
 * counted something last, and so many numbers in their lists.
 */
const most = { releases: 8, releaseNumbers: 6_000, pairs: 4, pairNumbers: 2_048 } as const;

/** Counts of one release or pair, and the turn at which it counted last. */
interface Kept<T> {
  readonly evidence: T;
  lastTurn: number;
}

/**
 * All evidence of one slot since the start of the device: who answered how, who was right, who agreed with whom.
 * Counts only rise, so that a report that is lost costs nothing. What counted nothing for longest is given up where
 * there is too much; should it count again, it begins at zero.
 */
export class EvidenceBook {
  readonly #recent = new RecentAnswers();
  readonly #releases = new Map<string, Kept<ReleaseEvidence>>();
  readonly #pairs = new Map<string, Kept<PairEvidence>>();
  readonly #labelsRefused = new Map<Code, number>();
  /** Counts what was counted. */
  #turn = 0;
  /** The turn of the last report. */
  #reportedTurn = 0;

  /** The answer of a release to a window is out. */
  served(release: number, window: number, answer: ObservedAnswer, classes: KnownClasses): void {
    this.#release(release, 'served').answered(answer);
    this.#recent.served(window, { release, label: answer.label }, classes);
  }

  failed(release: number, mode: 'served' | 'shadow', code: Code): void {
    this.#release(release, mode).failed(code);
  }

  /** A challenger answered the same window. `classes` is the larger number of outputs of both. */
  shadowed(
    pair: { readonly champion: number; readonly challenger: number; readonly classes: number },
    window: number,
    champion: ObservedAnswer,
    challenger: ObservedAnswer,
  ): void {
    this.#release(pair.challenger, 'shadow').answered(challenger);
    this.#pair(pair.champion, pair.challenger).answered(champion, challenger, pair.classes);
    const given = { release: pair.challenger, label: challenger.label };
    const known = this.#recent.shadowed(window, given);
    if (known !== undefined) this.#compared(known);
  }

  skipped(challenger: number): void {
    this.#release(challenger, 'shadow').skipped();
  }

  /** The true label of a window, where it is known already. */
  truthOf(window: number): string | undefined {
    return this.#recent.truthOf(window);
  }

  /** The true label of a window became known: its answers. Refuses with the reason why it does not count. */
  labelled(window: number, label: string): Result<AnsweredWindow> {
    const answers = this.#recent.take(window, label);
    if (!answers.ok) return answers;
    const { served } = answers.value;
    this.#release(served.release, 'served').labelled(served.label === label);
    this.#compared(answers.value);
    return answers;
  }

  /** A label was not used. */
  labelRefused(code: Code): void {
    this.#turn++;
    this.#labelsRefused.set(code, (this.#labelsRefused.get(code) ?? 0) + 1);
  }

  /** All counts since the start, where any has changed since the last call; undefined otherwise. */
  take(): Pick<ReportMessage, 'releases' | 'pairs' | 'labelsRefused'> | undefined {
    if (this.#turn === this.#reportedTurn) return undefined;
    this.#reportedTurn = this.#turn;
    return {
      releases: fitting(this.#releases, most.releaseNumbers, releaseNumbers),
      pairs: fitting(this.#pairs, most.pairNumbers, ({ confusion }) => confusion.length),
      labelsRefused: Object.fromEntries(this.#labelsRefused),
    };
  }

  /** Counts the true label of a window for the challenger, where that has answered it too. */
  #compared({ served, shadow, truth }: AnsweredWindow): void {
    if (shadow === undefined) return;
    const right = shadow.label === truth;
    this.#release(shadow.release, 'shadow').labelled(right);
    this.#pair(served.release, shadow.release).labelled(served.label === truth, right);
  }

  #release(release: number, mode: 'served' | 'shadow'): ReleaseEvidence {
    const make = (): ReleaseEvidence => new ReleaseEvidence(release, mode);
    return this.#keep(this.#releases, `${mode}/${release}`, make, most.releases);
  }

  #pair(champion: number, challenger: number): PairEvidence {
    const make = (): PairEvidence => new PairEvidence(champion, challenger);
    return this.#keep(this.#pairs, `${champion}/${challenger}`, make, most.pairs);
  }

  #keep<T>(all: Map<string, Kept<T>>, key: string, make: () => T, mostKept: number): T {
    const lastTurn = ++this.#turn;
    const known = all.get(key);
    if (known !== undefined) {
      known.lastTurn = lastTurn;
      return known.evidence;
    }
    const evidence = make();
    all.set(key, { evidence, lastTurn });
    if (all.size > mostKept) {
      let oldest = key;
      for (const [each, { lastTurn: turn }] of all) {
        if (turn < (all.get(oldest)?.lastTurn ?? 0)) oldest = each;
      }
      all.delete(oldest);
    }
    return evidence;
  }
}

function releaseNumbers({ classes, latency }: ReleaseReport): number {
  return classes.length + Object.keys(latency).length;
}

/** The reports of those that counted last, as many as there is room for and always one, in the order of their beginning. */
function fitting<R>(
  all: ReadonlyMap<string, Kept<{ report(): R }>>,
  mostNumbers: number,
  numbersOf: (report: R) => number,
): readonly R[] {
  const reports = [...all.values()].map(({ evidence, lastTurn }) => ({
    report: evidence.report(),
    lastTurn,
  }));
  let numbers = 0;
  const left = reports
    .toSorted((a, b) => b.lastTurn - a.lastTurn)
    .filter(({ report }, i) => {
      numbers += numbersOf(report);
      return i > 0 && numbers > mostNumbers;
    });
  return reports.filter((each) => !left.includes(each)).map(({ report }) => report);
}
