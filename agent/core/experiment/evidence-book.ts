import type { Code } from '../../../protocol/codes.js';
import type { ReportMessage } from '../../../protocol/messages/report.js';
import { accept, type Result } from '../../../protocol/result.js';
import { PairEvidence, ReleaseEvidence, type Observed } from './evidence.js';
import { RecentAnswers, type AnsweredWindow, type KnownClasses } from './recent-answers.js';

/** An answer with what it is compared by. */
export interface ObservedAnswer extends Observed {
  readonly label: string | undefined;
}

/** All evidence of one slot between two reports: who answered how, who was right, who agreed with whom. */
export class EvidenceBook {
  readonly #recent = new RecentAnswers();
  readonly #releases = new Map<string, ReleaseEvidence>();
  readonly #pairs = new Map<string, PairEvidence>();
  readonly #labelsRefused = new Map<Code, number>();

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

  /** The true label of a window became known. Refuses with the reason why it does not count. */
  labelled(window: number, label: string): Result<void> {
    const answers = this.#recent.take(window, label);
    if (!answers.ok) return answers;
    const { served } = answers.value;
    this.#release(served.release, 'served').labelled(served.label === label);
    this.#compared(answers.value);
    return accept(undefined);
  }

  /** A label was not used. */
  labelRefused(code: Code): void {
    this.#labelsRefused.set(code, (this.#labelsRefused.get(code) ?? 0) + 1);
  }

  /** What was seen since the last call; undefined where that is nothing. */
  take(): Pick<ReportMessage, 'releases' | 'pairs' | 'labelsRefused'> | undefined {
    if (this.#releases.size + this.#labelsRefused.size === 0) return undefined;
    const taken = {
      releases: [...this.#releases.values()].map((evidence) => evidence.report()),
      pairs: [...this.#pairs.values()].map((evidence) => evidence.report()),
      labelsRefused: Object.fromEntries(this.#labelsRefused),
    };
    this.#labelsRefused.clear();
    this.#releases.clear();
    this.#pairs.clear();
    return taken;
  }

  /** Counts the true label of a window for the challenger, where that has answered it too. */
  #compared({ served, shadow, truth }: AnsweredWindow): void {
    if (shadow === undefined) return;
    const right = shadow.label === truth;
    this.#release(shadow.release, 'shadow').labelled(right);
    this.#pair(served.release, shadow.release).labelled(served.label === truth, right);
  }

  #release(release: number, mode: 'served' | 'shadow'): ReleaseEvidence {
    const key = `${mode}/${release}`;
    const known = this.#releases.get(key) ?? new ReleaseEvidence(release, mode);
    this.#releases.set(key, known);
    return known;
  }

  #pair(champion: number, challenger: number): PairEvidence {
    const key = `${champion}/${challenger}`;
    const known = this.#pairs.get(key) ?? new PairEvidence(champion, challenger);
    this.#pairs.set(key, known);
    return known;
  }
}
