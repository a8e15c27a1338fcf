import {
  type PairReport,
  type ReleaseReport,
  latencyShape,
} from '../../../protocol/messages/report.js';
import type { Code } from '../../../protocol/codes.js';
import type { Decision } from '../inference/decision.js';
import { Confusion, mostClasses } from '../../../protocol/statistics/confusion.js';
import { equalEdges, Histogram } from '../../../protocol/statistics/histogram.js';
import { LogSketch } from '../../../protocol/statistics/log-sketch.js';

const confidenceEdges = equalEdges(0, 1, 10);

/** The part of an answer that evidence is made of. */
export interface Observed {
  readonly index: number | undefined;
  readonly score: number | undefined;
  readonly latencyUs: number;
}

type NamedClass = Pick<Decision, 'index' | 'label'>;

/** Counts what one release did since the start of the device. */
export class ReleaseEvidence {
  readonly release: number;
  readonly mode: ReleaseReport['mode'];
  readonly #classes: number[] = [];
  readonly #confidence = new Histogram(confidenceEdges);
  readonly #latency = new LogSketch(latencyShape);
  #windows = 0;
  #failures = 0;
  #late = 0;
  #skipped = 0;
  #labelled = 0;
  #right = 0;

  constructor(release: number, mode: ReleaseReport['mode']) {
    this.release = release;
    this.mode = mode;
  }

  answered({ index, score, latencyUs }: Observed): void {
    this.#windows++;
    this.#latency.add(latencyUs);
    if (score !== undefined) this.#confidence.add(score);
    if (index === undefined) return;
    while (this.#classes.length <= index) this.#classes.push(0);
    this.#classes[index] = (this.#classes[index] ?? 0) + 1;
  }

  failed(code: Code): void {
    if (code === 'engine-deadline') this.#late++;
    else this.#failures++;
  }

  skipped(): void {
    this.#skipped++;
  }

  labelled(right: boolean): void {
    this.#labelled++;
    if (right) this.#right++;
  }

  /** A copy: counting goes on. */
  report(): ReleaseReport {
    return {
      release: this.release,
      mode: this.mode,
      windows: this.#windows,
      failures: this.#failures,
      late: this.#late,
      skipped: this.#skipped,
      classes: [...this.#classes],
      confidence: [...this.#confidence.counts],
      labelled: this.#labelled,
      right: this.#right,
      latency: Object.fromEntries(
        [...this.#latency.positive].map(([bin, count]) => [String(bin), count]),
      ),
    };
  }
}

/** Counts what champion and challenger answered to the same windows since the start of the device. */
export class PairEvidence {
  readonly champion: number;
  readonly challenger: number;
  #confusion: Confusion | undefined;
  #windows = 0;
  #agreements = 0;
  #bothRight = 0;
  #onlyChampionRight = 0;
  #onlyChallengerRight = 0;
  #noneRight = 0;

  constructor(champion: number, challenger: number) {
    this.champion = champion;
    this.challenger = challenger;
  }

  /**
   * Two agree who say the same to whoever hears them: releases may number their classes differently.
   *
   * @param classes outputs of the models; exact pairs are kept up to 32 of them
   */
  answered(champion: NamedClass, challenger: NamedClass, classes: number): void {
    this.#windows++;
    if (champion.label === challenger.label) this.#agreements++;
    const [row, column] = [champion.index, challenger.index];
    if (row === undefined || column === undefined || classes > mostClasses) return;
    this.#confusion ??= new Confusion(classes);
    this.#confusion.add(row, column);
  }

  labelled(championRight: boolean, challengerRight: boolean): void {
    if (championRight && challengerRight) this.#bothRight++;
    else if (championRight) this.#onlyChampionRight++;
    else if (challengerRight) this.#onlyChallengerRight++;
    else this.#noneRight++;
  }

  /** A copy: counting goes on. */
  report(): PairReport {
    return {
      champion: this.champion,
      challenger: this.challenger,
      windows: this.#windows,
      agreements: this.#agreements,
      confusion: [...(this.#confusion?.counts ?? [])],
      bothRight: this.#bothRight,
      onlyChampionRight: this.#onlyChampionRight,
      onlyChallengerRight: this.#onlyChallengerRight,
      noneRight: this.#noneRight,
    };
  }
}
